"""Makes tars.tar.gz: archives of tiny images as GNU tar, bsdtar and Python's tarfile write them. Run with Debian 12's
/usr/bin/python3 where tar, libarchive-tools and python3-pil are installed: python3 make_tars.py tars.tar.gz"""

import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from PIL import Image

LONG = "a-name-that-is-much-longer-than-the-hundred-characters-for-which-the-header-of-a-tar-archive-has-room-" + "x" * 40


def image(number, kind="JPEG"):
    picture = Image.new("RGB", (9 + number % 3, 7 + number % 2))
    for y in range(picture.height):
        for x in range(picture.width):
            picture.putpixel((x, y), (number * 37 % 256, x * 20, y * 30))
    data = io.BytesIO()
    picture.save(data, kind, quality=80)
    return data.getvalue()


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})


def tree(root):
    """Two splits of classes, with what lies about in folders of people."""
    files = {
        "train/ant/1.jpg": image(1), "train/ant/10.JPEG": image(2), "train/ant/2.png": image(3, "PNG"),
        "train/bee/deep/4.webp": image(4, "WEBP"), "train/bee/5.jpg": image(5), "train/bee/empty.jpg": b"",
        "train/bee/ünïcode \u2603.jpg": image(6), "train/bee/" + LONG + ".jpg": image(7), "train/cat/8.jpg": image(8),
        "val/ant/9.jpg": image(9), "val/bee/10.jpg": image(10), "val/cat/11.jpg": image(11),
        "train/ant/._1.jpg": b"litter", "train/.DS_Store": b"litter", "__MACOSX/train/ant/1.jpg": b"litter", "README.txt": b"read me\n",
        "train/ant/note.txt": b"no image\n",
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    os.symlink("1.jpg", root / "train/ant/link.jpg")
    os.link(root / "train/ant/10.JPEG", root / "train/ant/zhard.JPEG")
    for path in [root, *root.rglob("*")]:
        os.utime(path, (1700000000, 1700000000), follow_symlinks=False)


def by_tools(work):
    tools = work / "tools"
    tools.mkdir()
    common = ["--sort=name", "--owner=user:1000", "--group=users:100", "-b1"]
    run("tar", *common, "--format=gnu", "-cf", tools / "gnu.tar", ".", cwd=work / "tree")
    run("tar", *common, "--format=posix", "-cf", tools / "posix.tar", "tree", cwd=work)
    run("bsdtar", "-b1", "--format=pax", "-cf", tools / "bsd.tar", ".", cwd=work / "tree")
    run("bsdtar", "-b1", "--format=gnutar", "-cf", tools / "bsdgnu.tar", "tree", cwd=work)
    run("tar", *common, "--format=ustar", "--exclude=*longer*", "-cf", tools / "ustar.tar", "train", "val", cwd=work / "tree")
    run("tar", *common, "--format=v7", "--exclude=*longer*", "-cf", tools / "v7.tar", "train", "val", cwd=work / "tree")
    run("tar", *common, "--format=gnu", "-czf", tools / "packed.tar.gz", ".", cwd=work / "tree")
    # Names of 101 to 255 characters are split in ustar.
    deep = work / "deep" / ("d" * 90) / ("e" * 60)
    deep.mkdir(parents=True)
    (deep / "1.jpg").write_bytes(image(1))
    run("tar", *common, "--format=ustar", "-cf", tools / "prefix.tar", "d" * 90, cwd=work / "deep")
    with tarfile.open(tools / "python.tar", "w|", format=tarfile.PAX_FORMAT) as archive:
        archive.add(work / "tree", "tree")
    # Images with holes.
    holes = work / "holes"
    (holes / "ant").mkdir(parents=True)
    for name in ["1.jpg", "3.jpg"]:
        (holes / "ant" / name).write_bytes(image(1))
    with open(holes / "ant" / "2.jpg", "wb") as file:
        for piece in range(8):
            file.seek(piece << 20)
            file.write(b"piece")
        file.truncate(9 << 20)
    for kind in [["--format=gnu"], ["--format=posix", "--sparse-version=0.0"], ["--format=posix", "--sparse-version=0.1"],
                 ["--format=posix", "--sparse-version=1.0"]]:
        run("tar", *common, "--sparse", *kind, "-cf", tools / f"sparse-{kind[-1][-3:]}.tar", "ant", cwd=holes)
    # One archive behind another, joined by tar and by hand, and one with a file that was added again.
    first, second = work / "tree/train/ant", work / "tree/train/bee"
    for name, folder in [("ant", first), ("bee", second)]:
        run("tar", "--format=gnu", "-cf", work / f"{name}.tar", "--exclude=._*", "--exclude=link.jpg", folder.name, cwd=folder.parent)
    joined = (work / "ant.tar").read_bytes()
    (tools / "joined.tar").write_bytes(joined + (work / "bee.tar").read_bytes())
    (tools / "appended.tar").write_bytes(joined)
    run("tar", "-Af", tools / "appended.tar", work / "bee.tar", cwd=work)
    (tools / "updated.tar").write_bytes(joined)
    newer = work / "newer/ant"
    newer.mkdir(parents=True)
    (newer / "1.jpg").write_bytes(image(99))
    run("tar", "-rf", tools / "updated.tar", "ant/1.jpg", cwd=newer.parent)


def by_class(work):
    """An archive of archives, as ImageNet's training images come, and the archives in a folder."""
    classes = work / "classes"
    classes.mkdir()
    for number, wnid in enumerate(["n01440764", "n01443537", "n02085620"]):
        folder = work / "flat" / wnid
        folder.mkdir(parents=True)
        for i in range(2):
            (folder / f"{wnid}_{i + 1}.JPEG").write_bytes(image(20 + 2 * number + i))
        run("tar", "-b1", "-cf", classes / f"{wnid}.tar", "--sort=name", *sorted(os.listdir(folder)), cwd=folder)
    run("tar", "-b1", "-cf", work / "tools/nested.tar", "--sort=name", *sorted(os.listdir(classes)), cwd=classes)


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode, member.uname, member.gname = len(data), 1700000000, 0o444, "bigdata", "bigdata"
    archive.addfile(member, io.BytesIO(data))


def shard(path, samples):
    with tarfile.open(path, "w|") as archive:
        for key, parts in samples:
            for extension, data in parts.items():
                add(archive, f"{key}.{extension}", data)


def shards(work):
    """WebDataset shards as its TarWriter makes them."""
    folder = work / "wds"
    folder.mkdir()
    number = 0
    for index in range(3):
        samples = []
        for _ in range(2):
            samples.append((f"{number:06d}", {"jpg": image(number), "cls": str(number % 3).encode()}))
            number += 1
        shard(folder / f"train-{index:06d}.tar", samples)
    shard(folder / "val-000000.tar", [("v/0", {"cls": b"2", "png": image(50, "PNG")}), ("v/1", {"cls": b"0", "png": image(51, "PNG")})])
    kinds = work / "wdskinds"
    kinds.mkdir()
    shard(kinds / "json.tar", [(f"a/{i}", {"json": json.dumps({"label": i % 2, "class_name": ["ant", "bee"][i % 2], }).encode(),
                                           "jpeg": image(i)}) for i in range(4)])
    shard(kinds / "names.tar", [(f"{i}", {"webp": image(i, "WEBP"), "cls.txt": ["bee", "ant"][i % 2].encode() + b"\n"}) for i in range(4)])
    shard(kinds / "text.tar", [(f"{i}", {"txt": b"%d" % (i % 2), "JPG": image(i)}) for i in range(4)])
    # Names with dots, which WebDataset itself would take for one sample.
    shard(kinds / "dots.tar", [(f"n01.v2/img.{i}", {"jpg": image(i), "cls": b"%d" % (i % 2)}) for i in range(4)])
    shard(kinds / "parts.tar", [(f"s{i}", {"input.jpg": image(i), "mask.png": image(i, "PNG"), "jpg": image(i), "cls": b"%d" % (i % 2)})
                                for i in range(3)])
    shard(kinds / "odd.tar", [
        ("good", {"jpg": image(1), "cls": b"1"}), ("nolabel", {"jpg": image(2)}), ("noimage", {"cls": b"0"}),
        ("badlabel", {"jpg": image(3), "cls": b"\xff\xfe"}), ("badjson", {"jpg": image(4), "json": b"{\"label\": "}),
        ("damaged", {"jpg": image(5)[:40], "cls": b"0"}), ("page", {"jpg": b"<!DOCTYPE html><html></html>", "cls": b"0"}),
        ("._good", {"jpg": b"litter"}), ("last", {"jpg": image(6), "cls": b"1"})])


def main(target):
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        (work / "tree").mkdir()
        tree(work / "tree")
        by_tools(work)
        by_class(work)
        shards(work)
        with gzip.GzipFile(target, "wb", 9, mtime=0) as packed, \
                tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for folder in ["tools", "classes", "wds", "wdskinds"]:
                for path in sorted((work / folder).iterdir()):
                    add(archive, f"{folder}/{path.name}", path.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1])
