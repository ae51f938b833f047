#!/usr/bin/env python3
"""What `Benchmarks loader` measures, in torchvision with Pillow: the peer of that suite.

Reads the JPEGs of a folder, at any depth, decodes each, takes a random resized crop of 224 pixels (bilinear, an area of 0.08 to 1) and
mirrors it half the time. Prints images a second of processor time of one thread; then those that Pillow decodes whole, without the rest:

    python3 loader_torchvision.py FOLDER [--rounds N]
"""
import argparse
import pathlib
import statistics
import sys
import time

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(f for f in pathlib.Path(options.folder).rglob("*") if f.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        sys.exit(f"{options.folder} holds no JPEG")
    transform = transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()])

    def train(file):
        with open(file, "rb") as stream:
            image = Image.open(stream).convert("RGB")
        numpy.asarray(transform(image))

    def decode(file):
        with open(file, "rb") as stream:
            Image.open(stream).load()

    def rate(action):
        seconds = []
        for _ in range(options.rounds + 1):
            start = time.process_time()
            for file in files:
                action(file)
            seconds.append(time.process_time() - start)
        # The first round warms up.
        return len(files) / statistics.median(seconds[1:])

    versions = f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
    print(f"{versions}: {rate(train):.1f} images/s, decoded whole alone: {rate(decode):.1f} images/s ({len(files)} files)")


if __name__ == "__main__":
    main()
