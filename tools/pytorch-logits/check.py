#!/usr/bin/env python3
"""The same checkpoint in this program and in PyTorch: logits of ResNet-50, ResNet-101, ViT-S/16 and ViT-S/32, in both directions.

    python3 tools/pytorch-logits/check.py --program "dotnet PATH/perturbed-forgetting.dll" [--models resnet50,...] [--folder DIR]

First the networks of models.py are held to the reference's own logits (tests/.../Reference), so that they may stand for its code. Then
for each model:
  from PyTorch   weights are drawn and saved by torch.save; the program answers for images with them, and so does PyTorch;
  to PyTorch     the program trains a moment and converts its checkpoint to .pth, which PyTorch loads; both answer;
  ONNX           the program converts it to .onnx, which onnx.checker checks (where the package is installed).
Prints a table and exits with 1 where two logits differ by more than the limit. Needs torch (1.13 or later), numpy and Pillow.
"""
import argparse
import json
import math
import pathlib
import shlex
import struct
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image

from formula import fill, values
from models import MODELS, draw

LIMIT = 1e-4
IMAGES, SIZE = 3, 224
REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "tests/PerturbedForgetting.Tests/Reference"
# Names of the reference's cases, and what the model is asked to be for them.
CASES = {"resnet50": "resnet50_224", "resnet101": "resnet101_224", "vit_small_patch16_224": "vit_small_patch16_224_token",
         "vit_small_patch32_224": "vit_small_patch32_224_token"}


def read_safetensors(path):
    """All tensors of a file, float32 as float64."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    types = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64, "U8": numpy.uint8}
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + o for o in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def reference_difference(name):
    """Largest difference of models.py from the logits that are stored with the reference numbers."""
    description = json.loads((REFERENCE / f"model_{CASES[name]}.json").read_text())
    stored = read_safetensors(REFERENCE / "models.safetensors")
    logits = next(stored[t] for t in sorted(stored) if CASES[name] in t.split("/") and "eval" in t and "f64" in t.lower())
    model = MODELS[name]()
    fill(model)
    x = torch.from_numpy(values("input", description["input"]["shape"], 0, 1))
    with torch.no_grad():
        return float(numpy.abs(model.eval()(x).double().numpy() - logits).max())


def make_images(folder):
    """Smooth and noisy images of the size that the models take, so that nothing is resized."""
    folder.mkdir(exist_ok=True)
    random = numpy.random.RandomState(3)
    for i in range(IMAGES):
        coarse = Image.fromarray(random.randint(0, 256, (8, 8, 3)).astype(numpy.uint8)).resize((SIZE, SIZE), Image.BICUBIC)
        noisy = numpy.asarray(coarse).astype(int) + random.randint(-20, 21, (SIZE, SIZE, 3))
        Image.fromarray(noisy.clip(0, 255).astype(numpy.uint8)).save(folder / f"{i}.png")


def batch(folder, name):
    mean, std = ([0.5] * 3, [0.5] * 3) if name.startswith("vit") else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    pixels = numpy.stack([numpy.asarray(Image.open(folder / f"{i}.png")) for i in range(IMAGES)]).astype(numpy.float32)
    x = (pixels - numpy.float32(255) * numpy.float32(mean)) / (numpy.float32(255) * numpy.float32(std))
    return torch.from_numpy(numpy.ascontiguousarray(x.transpose(0, 3, 1, 2)))


class Program:
    def __init__(self, command):
        self.command = shlex.split(command)

    def run(self, *arguments):
        done = subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done.stdout

    def logits(self, images, *options):
        """The logits behind the sigmoids of all classes."""
        paths = [images / f"{i}.png" for i in range(IMAGES)]
        answers = json.loads(self.run("predict", *paths, "--format", "json", "--scores", "sigmoid", "--topk", 1000, *options))
        rows = []
        for answer in answers:
            row = {p["index"]: math.log(p["sigmoid"] / (1 - p["sigmoid"])) for p in answer["predictions"]}
            rows.append([row[k] for k in sorted(row)])
        return numpy.array(rows)


def torch_logits(model, x):
    with torch.no_grad():
        return model.eval()(x).double().numpy()


def from_pytorch(program, name, folder, images):
    model = draw(MODELS[name](), 1)
    path = folder / f"{name}.torch.pth"
    torch.save({"arch": name, "state_dict": model.state_dict()}, path)
    ours = program.logits(images, "--checkpoint", path, "-m", name, "--img-size", SIZE, "--crop-pct", 1)
    return float(numpy.abs(ours - torch_logits(model, batch(images, name))).max())


def to_pytorch(program, name, folder, images):
    program.run("train", "--dataset", f"builtin/shapes:train=4,val=2,size={SIZE}", "-m", name, "--img-size", SIZE, "--crop-pct", 1,
                "-b", 2, "-j", 0, "--epochs", 1, "--warmup-epochs", 0, "--lr", 0.05, "--output", folder, "--experiment", name)
    checkpoint = folder / name / "last.safetensors"
    path = folder / f"{name}.ours.pth"
    program.run("convert", checkpoint, "--out", path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    head = state["fc.weight" if "fc.weight" in state else "head.weight"]
    model = MODELS[name](classes=len(head))
    model.load_state_dict(state, strict=True)
    return float(numpy.abs(program.logits(images, "--checkpoint", checkpoint) - torch_logits(model, batch(images, name))).max())


def onnx_check(program, name, folder):
    try:
        import onnx
    except ImportError:
        return "no package"
    path = folder / f"{name}.onnx"
    program.run("convert", folder / name / "last.safetensors", "--out", path)
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    shape = [d.dim_param or d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]
    return f"opset {model.opset_import[0].version}, {shape}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        images = folder / "images"
        make_images(images)
        program, worst = Program(options.program), 0.0
        print(f"{'model':24}{'reference':>12}{'from PyTorch':>14}{'to PyTorch':>12}  ONNX", flush=True)
        for name in options.models.split(","):
            differences = [reference_difference(name), from_pytorch(program, name, folder, images),
                           to_pytorch(program, name, folder, images)]
            worst = max(worst, *differences)
            print(f"{name:24}{differences[0]:12.1e}{differences[1]:14.1e}{differences[2]:12.1e}  {onnx_check(program, name, folder)}",
                  flush=True)
    if not worst <= LIMIT:
        sys.exit(f"logits differ by {worst:.1e}, more than {LIMIT}")


if __name__ == "__main__":
    main()
