"""Makes downloads.tar.gz: small sets in the form in which CIFAR and ImageNet are downloaded. Run with Debian 12's /usr/bin/python3 where
python3-numpy, python3-scipy, python3-pil and tar are installed: python3 make_downloads.py downloads.tar.gz"""

import gzip
import io
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import scipy.io

from make_tars import add, image

WNIDS = ["n02085620", "n01440764", "n01443537"]  # by their numbers in the devkit, which are not in the order of the names


class Python2Pickler(pickle._Pickler):
    """Writes bytes and texts as Python 2 did, in which the sets of the authors were made."""

    def save_bytes(self, obj):
        data = obj if isinstance(obj, bytes) else obj.encode("ascii")
        self.write((b"U" + bytes([len(data)]) if len(data) < 256 else b"T" + struct.pack("<i", len(data))) + data)
        self.memoize(obj)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_bytes, str: save_bytes}


def dump(value, python2):
    if not python2:
        return pickle.dumps(value)
    data = io.BytesIO()
    Python2Pickler(data, 2).dump(value)
    return data.getvalue()


def records(batch, count, classes):
    pixels = np.array([[(7 * i + 31 * batch + (j >> 6)) % 256 for j in range(3072)] for i in range(count)], np.uint8)
    return pixels, [(3 * batch + i) % classes for i in range(count)]


def cifar(folder, classes, pickled, python2=True):
    batches = {f"data_batch_{i}": i for i in range(1, 6)} | {"test_batch": 9} if classes == 10 else {"train": 1, "test": 9}
    names = [f"name {i}" for i in range(classes)]
    root = f"cifar-{classes}-" + ("python" if classes == 100 else "batches-py") if pickled else \
        "cifar-10-batches-bin" if classes == 10 else "cifar-100-binary"
    archive_name = f"cifar-{classes}-" + ("python" if pickled else "binary") + ".tar.gz"
    with gzip.GzipFile(folder / archive_name, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, batch in batches.items():
            pixels, labels = records(batch, 2, classes)
            coarse = [label % 20 for label in labels]
            if not pickled:
                rows = [bytes([*([c] if classes == 100 else []), label]) + row.tobytes() for c, label, row in zip(coarse, labels, pixels)]
                add(archive, f"{root}/{name}.bin", b"".join(rows))
                continue
            content = {b"batch_label": f"batch {batch}".encode(), b"data": pixels, b"filenames": [b"a.png", b"b.png"]}
            content |= {b"labels": labels} if classes == 10 else {b"fine_labels": labels, b"coarse_labels": coarse}
            add(archive, f"{root}/{name}", dump(content, python2))
        if pickled:
            key = b"label_names" if classes == 10 else b"fine_label_names"
            add(archive, f"{root}/{'batches.meta' if classes == 10 else 'meta'}",
                dump({key: [n.encode() for n in names], b"num_vis": 3072}, python2))
        else:
            add(archive, f"{root}/{'batches.meta.txt' if classes == 10 else 'fine_label_names.txt'}", "\n".join(names).encode() + b"\n\n")


def imagenet(folder):
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O"), ("children", "O"),
            ("wordnet_height", "O"), ("num_train_images", "O")]
    synsets = np.zeros((5, 1), kind)
    for i, wnid in enumerate([*WNIDS, "n00001740", "n00015388"]):
        children = [] if i < 3 else [4, 5] if i == 3 else [1, 2, 3]
        synsets[i, 0] = (np.uint16(i + 1) if i else float(i + 1), wnid, f"word {i}", "a gloss \u00e9" * 20, float(len(children)),
                         np.array(children, float), 0.0, 1300.0)
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"other": np.arange(4.0), "synsets": synsets}, do_compression=True)
    truth = [2, 1, 3, 1, 2]
    with gzip.GzipFile(folder / "ILSVRC2012_devkit_t12.tar.gz", "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        add(archive, "ILSVRC2012_devkit_t12/readme.txt", b"read me")
        add(archive, "ILSVRC2012_devkit_t12/data/meta.mat", meta.getvalue())
        add(archive, "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", "".join(f"{t}\n" for t in truth).encode())
    plain = io.BytesIO()
    scipy.io.savemat(plain, {"synsets": synsets}, do_compression=False)
    (folder / "meta_uncompressed.mat").write_bytes(plain.getvalue())
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        for number in range(5):
            (work / f"ILSVRC2012_val_{number + 1:08d}.JPEG").write_bytes(image(number + 60))
        subprocess.run(["tar", "-b1", "-cf", folder / "ILSVRC2012_img_val.tar", "--sort=name", *sorted(p.name for p in work.iterdir())],
                       cwd=work, check=True)
    boxes = " 111 108 389 366 "
    (folder / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(
        f"ILSVRC2012_val_{number + 1:08d},{(WNIDS[t - 1] + boxes) * (1 + number % 2)}\n" for number, t in reversed(list(enumerate(truth)))))


def main(target):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cifar(folder, 10, pickled=False)
        cifar(folder, 10, pickled=True)
        cifar(folder, 100, pickled=False)
        cifar(folder, 100, pickled=True, python2=False)
        imagenet(folder)
        with gzip.GzipFile(target, "wb", 9, mtime=0) as packed, \
                tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(folder.iterdir()):
                add(archive, f"downloads/{path.name}", path.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1])
