#!/usr/bin/env python3
"""Writes an archive of small images of every format and sub-kind, and what Pillow makes of each.

In the archive `expected.txt` has a line for every file: its name, width, height and the SHA-1 of its RGB bytes, rows from the top, without
padding, all by Pillow's convert("RGB"); or "known" in front of these where Pillow does not read the file and the writer knows the pixels.
Names that begin with "refused-" are of kinds that the decoder must refuse by name.
"""
import argparse
import gzip
import hashlib
import io
import random
import sys
import tarfile
import warnings

import PIL
from PIL import Image

import bmp
import gif
import jpeg
import png
import pnm
import tga
import tiff
import webp

FORMATS = {"bmp": bmp, "gif": gif, "jpg": jpeg, "png": png, "pnm": pnm, "tga": tga, "tif": tiff, "webp": webp}


def by_pillow(data):
    """Width, height and hash, or None if Pillow does not read the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data)).convert("RGB")
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return (image.width, image.height, hashlib.sha1(image.tobytes()).hexdigest()), None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", help="where the .tar.gz goes")
    parser.add_argument("--seed", type=int, default=1, help="other pixels and other choices for other numbers (default 1)")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    arguments = parser.parse_args()
    lines, files, unread = [], {}, 0
    for name in arguments.formats:
        rng = random.Random(f"{arguments.seed} {name}")
        for number, made in enumerate(FORMATS[name].make(rng)):
            label, data = made[0], made[1]
            path = f"{name}/{label if label.startswith('refused-') else f'{number:04}_{label}'}.{name}"
            files[path] = data
            if label.startswith("refused-"):
                lines.append(f"{path} refused")
                continue
            if len(made) > 2 and isinstance(made[2], tuple):
                width, height, rgb = made[2]
                lines.append(f"{path} known {width} {height} {hashlib.sha1(rgb).hexdigest()}")
                continue
            # A third part is the same image as Pillow reads it.
            found, error = by_pillow(made[-1])
            if found is None:
                # A writer that makes files which Pillow does not read, without knowing their pixels, tests nothing.
                print(f"{path}: Pillow does not read it: {error}", file=sys.stderr)
                unread += 1
                continue
            lines.append(f"{path} pillow {found[0]} {found[1]} {found[2]}")
    files["expected.txt"] = ("\n".join(lines) + "\n").encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with open(arguments.archive, "wb") as out:
        out.write(gzip.compress(packed.getvalue(), 9, mtime=0))
    print(f"Pillow {PIL.__version__}: {len(lines)} files, {unread} left out, {len(packed.getvalue())} bytes before packing")


if __name__ == "__main__":
    main()
