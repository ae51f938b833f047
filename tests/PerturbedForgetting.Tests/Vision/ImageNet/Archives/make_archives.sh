#!/bin/bash
# Makes small archives as the test sets of ImageNet are downloaded, and other zip archives; see README.md.
set -e
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cd "$work"
image() {  # PATH SEED
    mkdir -p "$(dirname "$1")"
    /usr/bin/python3 - "$1" "$2" <<'PY'
import sys, numpy
from PIL import Image
pixels = numpy.random.default_rng(int(sys.argv[2])).integers(0, 256, (3, 3, 3), dtype=numpy.uint8)
Image.fromarray(pixels).resize((16, 12), Image.BICUBIC).save(sys.argv[1], "JPEG", quality=80)
PY
}
image sketch/n01440764/sketch_0.JPEG 1
image sketch/n15075141/sketch_49.JPEG 2
mkdir -p imagenet-r imagenet-a
image imagenet-r/n01443537/art_0.jpg 3
image imagenet-r/n12267677/sketch_9.jpg 4
echo "ImageNet-R" > imagenet-r/README.txt
image "imagenet-a/n01498041/0.000116_digital clock _ digital clock_0.865662.jpg" 5
for class in 0 2 10 999; do image imagenetv2-top-images-format-val/$class/a$class.jpeg $((class + 10)); done
ln -s ../sketch/n01440764 sketch/n01443537
rm -f "$out"/*.zip "$out"/*.tar "$out"/*.gz
zip -q -r -9 "$out/ImageNet-Sketch.zip" sketch/n01440764 sketch/n15075141
zip -q -r -0 -y "$out/stored_with_link.zip" sketch
(cat /bin/true | head -c 100; cat "$out/ImageNet-Sketch.zip") > "$out/with_something_before.zip"
zip -q -r -9 - sketch/n01440764 sketch/n15075141 | cat > "$out/streamed.zip"
zip -q -r -P secret "$out/encrypted.zip" sketch/n01440764
bsdtar --format zip --options zip:zip64 -cf "$out/wide.zip" sketch/n01440764 sketch/n15075141
tar -cf "$out/imagenet-r.tar" imagenet-r
tar -cf "$out/imagenet-a.tar" imagenet-a
tar -czf "$out/imagenetv2-top-images.tar.gz" imagenetv2-top-images-format-val
gzip -9 "$out/imagenet-r.tar" "$out/imagenet-a.tar"
rm -r "$work"
