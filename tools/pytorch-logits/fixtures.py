#!/usr/bin/env python3
"""Small checkpoints of the networks of models.py with the logits that PyTorch finds, for the tests.

    python3 tools/pytorch-logits/fixtures.py FOLDER
"""
import json
import pathlib
import sys

import torch

from formula import values
from models import ResNet, VisionTransformer, draw

# Name, network, image size, what wraps the weights in the file.
FIXTURES = [
    ("resnet", lambda: ResNet([2, 1], classes=5, width=4), 33, lambda state: {"arch": "resnet", "epoch": 3, "state_dict": state}),
    ("vit_token", lambda: VisionTransformer(8, image=24, dim=8, depth=2, heads=2, classes=5), 24, lambda state: state),
    ("vit_mean", lambda: VisionTransformer(8, image=24, dim=8, depth=1, heads=2, classes=5, mean=True), 24,
     lambda state: {"model": {f"module.{name}": value for name, value in state.items()}}),
    ("vit_patches", lambda: VisionTransformer(8, image=24, dim=8, depth=1, heads=4, classes=5, class_token=False, mean=True), 24,
     lambda state: state),
]


def main():
    folder = pathlib.Path(sys.argv[1])
    found = {}
    for seed, (name, make, size, wrap) in enumerate(FIXTURES):
        model = draw(make(), seed)
        torch.save(wrap(model.state_dict()), folder / f"{name}.pth")
        x = torch.from_numpy(values("input", (2, 3, size, size), 0, 1))
        with torch.no_grad():
            found[name] = {"size": size, "logits": [[round(float(v), 7) for v in row] for row in model(x)]}
    (folder / "logits.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
