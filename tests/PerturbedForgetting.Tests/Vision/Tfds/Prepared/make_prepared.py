"""Writes small sets as TFDS prepares them, by Google's protocol buffers and an own checksum; see README.md."""
import hashlib
import io
import json
import os
import random
import struct
import sys

import numpy
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
FEATURES = "tensorflow_datasets.core.features."


def example_class(packed):
    """tf.train.Example, declared here; the labels of some files are written in the way of old protocol buffers, unpacked."""
    file = descriptor_pb2.FileDescriptorProto(name=f"example_{packed}.proto", package=f"p{packed}", syntax="proto3")

    def message(name, parent=None):
        created = (parent.nested_type if parent else file.message_type).add()
        created.name = name
        return created

    def field(of, name, number, kind, label=1, type_name=None, oneof=None):
        f = of.field.add(name=name, number=number, type=kind, label=label)
        if type_name:
            f.type_name = type_name
        if oneof is not None:
            f.oneof_index = oneof
        return f

    P = f".p{packed}."
    field(message("BytesList"), "value", 1, 12, 3)
    field(message("FloatList"), "value", 1, 2, 3).options.packed = True
    field(message("Int64List"), "value", 1, 3, 3).options.packed = packed
    feature = message("Feature")
    feature.oneof_decl.add(name="kind")
    field(feature, "bytes_list", 1, 11, type_name=P + "BytesList", oneof=0)
    field(feature, "float_list", 2, 11, type_name=P + "FloatList", oneof=0)
    field(feature, "int64_list", 3, 11, type_name=P + "Int64List", oneof=0)
    features = message("Features")
    entry = message("FeatureEntry", features)
    entry.options.map_entry = True
    field(entry, "key", 1, 9)
    field(entry, "value", 2, 11, type_name=P + "Feature")
    field(features, "feature", 1, 11, 3, P + "Features.FeatureEntry")
    field(message("Example"), "features", 1, 11, type_name=P + "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(f"p{packed}.Example"))


EXAMPLES = {packed: example_class(packed) for packed in (True, False)}

TABLE = []
for n in range(256):
    for _ in range(8):
        n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def example(values, packed=True):
    message = EXAMPLES[packed]()
    for key, value in values.items():
        feature = message.features.feature[key]
        if isinstance(value, (bytes, str)):
            feature.bytes_list.value.append(value.encode() if isinstance(value, str) else value)
        elif isinstance(value, float):
            feature.float_list.value.append(value)
        else:
            feature.int64_list.value.extend(value if isinstance(value, list) else [value])
    return message.SerializeToString()


def picture(seed, size, kind):
    generator = numpy.random.default_rng(seed)
    coarse = generator.integers(0, 256, (3, 4, 3), dtype=numpy.uint8)
    image = Image.fromarray(coarse).resize(size, Image.BICUBIC)
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 85} if kind == "JPEG" else {}))
    data = out.getvalue()
    pixels = numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return data, hashlib.sha256(pixels.tobytes()).hexdigest()


def old_feature(kind, content):
    return {"type": FEATURES + kind, "content": content}


def features_oldest(keys):
    """As TFDS 4.0 to 4.5 wrote them."""
    return old_feature("features_dict.FeaturesDict", {k: {
        "image": lambda: old_feature("image_feature.Image", {"shape": [None, None, 3], "dtype": "uint8", "encoding_format": "jpeg"}),
        "text": lambda: old_feature("text_feature.Text", {}),
        "label": lambda: old_feature("class_label_feature.ClassLabel", {"num_classes": n}),
        "labels": lambda: old_feature("sequence_feature.Sequence", {
            "feature": old_feature("class_label_feature.ClassLabel", {"num_classes": n}), "length": None}),
    }[kind]() for k, (kind, n) in keys.items()})


def new_feature(kind, n):
    name, member, content = {
        "image": ("image_feature.Image", "image", {"dtype": "uint8", "encodingFormat": "png",
                                                   "shape": {"dimensions": ["-1", "-1", "3"]}}),
        "text": ("text_feature.Text", "text", {}),
        "label": ("class_label_feature.ClassLabel", "classLabel", {"numClasses": str(n)}),
        "labels": ("sequence_feature.Sequence", "sequence", {"length": "-1"}),
    }[kind]
    if kind == "labels":
        content["feature"] = new_feature("label", n)
    return {"pythonClassName": FEATURES + name, member: content}


def features_newest(keys):
    """As TFDS 4.9 writes them."""
    return {"pythonClassName": FEATURES + "features_dict.FeaturesDict",
            "featuresDict": {"features": {k: new_feature(kind, n) for k, (kind, n) in keys.items()}}}


def features_as_text(keys):
    """As TFDS 4.6 wrote them: the content is text."""
    return {"type": FEATURES + "features_dict.FeaturesDict", "proto_cls": "tensorflow_datasets.FeaturesDict",
            "content": json.dumps({"features": {k: new_feature(kind, n) for k, (kind, n) in keys.items()}})}


def write_set(folder, keys, splits, names, features, supervised, packed=True, template=None, expected=None):
    path = os.path.join(HERE, folder)
    os.makedirs(path, exist_ok=True)
    name = folder.split("/")[0]
    info = {"citation": "made for tests", "description": "Made for tests.", "downloadSize": "0", "name": name,
            "supervisedKeys": supervised, "version": folder.split("/")[-1], "splits": []}
    for split, shards in splits.items():
        told = []
        for shard, examples in enumerate(shards):
            with open(os.path.join(path, f"{name}-{split}.tfrecord-{shard:05}-of-{len(shards):05}"), "wb") as file:
                for values, sha in examples:
                    file.write(record(example(values, packed)))
                    told.append({"pixels": sha, **{k: v for k, v in values.items() if k != "image"}})
        entry = {"name": split, "numBytes": "1234", "shardLengths": [str(len(s)) for s in shards]}
        if template:
            entry["filepathTemplate"] = template
        info["splits"].append(entry)
        expected[f"{'/'.join(folder.split('/')[:-1])} {split}"] = told
    if template:
        info["fileFormat"] = "tfrecord"
    json.dump(info, open(os.path.join(path, "dataset_info.json"), "w"), indent=2, sort_keys=True)
    json.dump(features(keys), open(os.path.join(path, "features.json"), "w"), indent=4, sort_keys=True)
    for key, (kind, n) in keys.items():
        if n:
            with open(os.path.join(path, f"{key}.labels.txt"), "w") as file:
                file.write("\n".join(names[n]) + "\n")


def main(wnids_file):
    wnids = [line.split()[0] for line in open(wnids_file)]
    names = {10: "airplane automobile bird cat deer dog frog horse ship truck".split(), 100: [f"fine_{i:02}" for i in range(100)],
             20: [f"coarse_{i:02}" for i in range(20)], 1000: wnids}
    random.seed(1)
    usual = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    new = {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}}
    old = {"input": "image", "output": "label"}
    expected = {}
    seed = iter(range(1, 10_000))

    def cifar(i, split, fine=None):
        data, sha = picture(next(seed), (8, 8), "PNG")
        label = fine if fine is not None else i % 10
        return ({"id": f"{split}_{i:05}", "image": data, "label": label, **({} if fine is None else {"coarse_label": fine // 5})}, sha)

    write_set("cifar10/3.0.2", {"id": ("text", 0), "image": ("image", 0), "label": ("label", 10)},
              {"train": [[cifar(i, "train") for i in range(17)], [cifar(i, "train") for i in range(17, 30)]],
               "test": [[cifar(i, "test") for i in range(10)]]}, names, features_newest, new, template=usual, expected=expected)
    write_set("cifar100/3.0.2", {"coarse_label": ("label", 20), "id": ("text", 0), "image": ("image", 0), "label": ("label", 100)},
              {"train": [[cifar(i, "train", 7 * i) for i in range(12)]], "test": [[cifar(i, "test", 99 - i) for i in range(3)]]},
              names, features_as_text, new, template=usual, expected=expected)

    def imagenet(label, name):
        size = (20 + label % 7, 16 + label % 5)
        data, sha = picture(next(seed), size, "JPEG")
        return ({"file_name": name, "image": data, "label": label}, sha)

    keys = {"file_name": ("text", 0), "image": ("image", 0), "label": ("label", 1000)}
    train = [imagenet(l, f"{wnids[l]}_{i}.JPEG") for i, l in enumerate([3, 999, 0, 512, 207, 3, 88])]
    write_set("imagenet2012/5.1.0", keys,
              {"train": [train[:3], train[3:5], train[5:]],
               "validation": [[imagenet(random.randrange(1000), f"ILSVRC2012_val_{i + 1:08}.JPEG") for i in range(5)]],
               "test": [[({**v, "label": -1}, s) for v, s in [imagenet(1, "ILSVRC2012_test_00000001.JPEG")]]]},
              names, features_oldest, old, packed=False, expected=expected)
    real = []
    for i, labels in enumerate([[], [970, 795], [230, 231], [809], [516, 850]]):
        values, sha = imagenet(random.randrange(1000), f"ILSVRC2012_val_{i + 1:08}.JPEG")
        original = values.pop("label")
        real.append(({**values, "original_label": labels[-1] if labels else original, "real_label": labels}, sha))
    write_set("imagenet2012_real/1.0.0",
              {"file_name": ("text", 0), "image": ("image", 0), "original_label": ("label", 1000), "real_label": ("labels", 1000)},
              {"validation": [real[:2], real[2:]]}, names, features_newest,
              {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "real_label"}]}}, template=usual, expected=expected)
    for config, labels in (("matched-frequency", [1, 11, 999]), ("threshold-0.7", [2, 12]), ("topimages", [3, 13])):
        write_set(f"imagenet_v2/{config}/3.0.0", keys, {"test": [[imagenet(l, f"{l}/{i}.jpeg") for i, l in enumerate(labels)]]},
                  names, features_newest, new, template=usual, expected=expected)
    write_set("imagenet_r/0.2.0", keys, {"test": [[imagenet(l, f"{wnids[l]}/art_{i}.jpg") for i, l in enumerate([1, 2, 988, 4])]]},
              names, features_oldest, old, expected=expected)
    write_set("imagenet_a/0.1.0", keys, {"test": [[imagenet(l, f"0.00{i}.jpg") for i, l in enumerate([6, 11, 988])]]},
              names, features_newest, new, template=usual, expected=expected)
    write_set("imagenet_sketch/1.0.0", keys, {"test": [[imagenet(l, f"{wnids[l]}/sketch_{i}.JPEG") for i, l in enumerate([0, 500])]]},
              names, features_newest, new, template=usual, expected=expected)
    json.dump(expected, open(os.path.join(HERE, "expected.json"), "w"), indent=1)


main(sys.argv[1])
