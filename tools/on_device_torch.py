#!/usr/bin/env python3
"""The training steps of `on-device steps` in PyTorch, eager, with foreach operations: the peer that the checklist compares with.

Written from the formulas: SAM (Foret et al., ICLR 2021) with the output-bias-forgetting perturbation loss ("Forget Sharpness", ICML 2024),
one perturbation for every m samples; SGD with decoupled weight decay; AdamW. ResNet-50 and -101 (He et al. 2015, stride in the 3x3) and
ViT-S (Dosovitskiy et al. 2020) without class token, with binary cross entropy and clipped gradients. Prints a table and writes JSON:

    python3 on_device_torch.py [--device cuda] [--json FILE] [--small]
"""
import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

RHO, EPSILON, DECAY, MOMENTUM = 0.05, 1e-12, 1e-4, 0.9
OBF_C, OBF_GAMMA = 10.0, 1.0
WARM_UP, GROUP, GROUPS = 3, 5, 6


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = F.relu(self.norm2(self.conv2(y)), inplace=True)
        y = self.norm3(self.conv3(y))
        y += x if self.shortcut is None else self.shortcut(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    def __init__(self, layers, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        blocks, inputs = [], 64
        for stage, count in enumerate(layers):
            for i in range(count):
                width = 64 << stage
                blocks.append(Bottleneck(inputs, width, 2 if stage > 0 and i == 0 else 1))
                inputs = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.projection = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.hidden = nn.Linear(dim, 4 * dim)
        self.output = nn.Linear(4 * dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.projection(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))
        return x + self.output(F.gelu(self.hidden(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self, pixels, patch, dim, depth, heads, classes):
        super().__init__()
        tokens = (pixels // patch) ** 2
        self.patches = nn.Conv2d(3, dim, patch, patch)
        self.position = nn.Parameter(0.02 * torch.randn(1, tokens, dim))
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.blocks(x).mean(1)))


def output_bias_forgetting(logits, labels):
    """Mean over samples of sum_j x_j (1/C - (a p_j + (1 - a)[j = y])); p and a are constants of the gradient."""
    with torch.no_grad():
        p = logits.softmax(1)
        own = p.gather(1, labels[:, None])
        a = OBF_GAMMA * (OBF_C - 1 / own.clamp(min=1 / OBF_C)) / (OBF_C - 1)
        weight = 1 / logits.shape[1] - a * p
        weight.scatter_add_(1, labels[:, None], a - 1)
    return (logits * weight).sum(1).mean()


def binary_cross_entropy(logits, labels):
    """Summed over the classes, mean over the samples."""
    target = F.one_hot(labels, logits.shape[1]).to(logits)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean()


class SgdW:
    def __init__(self, parameters, rate):
        self.parameters, self.rate = parameters, rate
        self.momentum = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, gradients):
        torch._foreach_mul_(self.parameters, 1 - self.rate * DECAY)
        torch._foreach_mul_(self.momentum, MOMENTUM)
        torch._foreach_add_(self.momentum, gradients)
        torch._foreach_add_(self.parameters, self.momentum, alpha=-self.rate)


class AdamW:
    def __init__(self, parameters, rate):
        self.parameters = parameters
        self.rule = torch.optim.AdamW(parameters, rate, weight_decay=DECAY, foreach=True)

    def step(self, gradients):
        for p, g in zip(self.parameters, gradients):
            p.grad = g
        self.rule.step()


def norm_of(gradients):
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


class Trainer:
    def __init__(self, model, optimizer, m, loss, clip):
        self.model, self.m, self.loss, self.clip = model, m, loss, clip
        self.parameters = list(model.parameters())
        self.norms = [x for x in model.modules() if isinstance(x, nn.BatchNorm2d)]
        self.perturbs = optimizer.startswith("sam_")
        self.update = AdamW(self.parameters, 1e-3) if optimizer.endswith("adamw") else SgdW(self.parameters, 0.05)

    def step(self, images, labels):
        if not self.perturbs:
            self.advance(list(torch.autograd.grad(self.loss(self.model(images), labels), self.parameters)))
            return
        total = None
        parts = images.shape[0] // self.m
        for x, y in zip(images.split(self.m), labels.split(self.m)):
            gradients = self.perturbed_gradient(x, y)
            if total is None:
                total = torch._foreach_mul(gradients, 1 / parts)
            else:
                torch._foreach_add_(total, gradients, alpha=1 / parts)
        self.advance(total)

    def advance(self, gradients):
        if self.clip:
            torch._foreach_mul_(gradients, (self.clip / (norm_of(gradients) + 1e-6)).clamp(max=1))
        self.update.step(gradients)

    def perturbed_gradient(self, x, y):
        direction = torch.autograd.grad(output_bias_forgetting(self.model(x), y), self.parameters)
        with torch.no_grad():
            move = torch._foreach_mul(direction, RHO / (norm_of(direction) + EPSILON))
            torch._foreach_add_(self.parameters, move)
        # Running statistics are those of the unperturbed weights.
        self.hold_statistics(0.0)
        gradients = torch.autograd.grad(self.loss(self.model(x), y), self.parameters)
        self.hold_statistics(0.1)
        with torch.no_grad():
            torch._foreach_sub_(self.parameters, move)
        return gradients

    def hold_statistics(self, momentum):
        for norm in self.norms:
            norm.momentum = momentum


def measure(name, make, optimizer, batch, pixels, classes, m, device, groups, group):
    torch.manual_seed(1)
    layout = torch.channels_last if device.type == "cuda" and name.startswith("resnet") else torch.contiguous_format
    transformer = not name.startswith("resnet")
    trainer = Trainer(make().to(device).to(memory_format=layout).train(), optimizer, m,
                      binary_cross_entropy if transformer else F.cross_entropy, 1.0 if transformer else 0)
    images = torch.randn(batch, 3, pixels, pixels, device=device).to(memory_format=layout)
    labels = torch.arange(batch, device=device) % classes

    def advance(count):
        start = time.perf_counter()
        for _ in range(count):
            trainer.step(images, labels)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    advance(WARM_UP)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    row = {"model": name, "optimizer": optimizer, "batch": batch, "pixels": pixels, "m": m if trainer.perturbs else batch,
           "seconds": statistics.median(advance(group) for _ in range(groups))}
    if device.type == "cuda":
        row["peak_bytes"] = torch.cuda.max_memory_allocated()
    return row


def write(path, device, rows):
    with open(path, "w", encoding="utf-8") as f:
        name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
        json.dump({"torch": torch.__version__, "cuda": torch.version.cuda, "device": name, "steps": rows}, f, indent=2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json")
    parser.add_argument("--small", action="store_true", help="small models: shows that the script works")
    options = parser.parse_args()
    if not hasattr(F, "scaled_dot_product_attention"):
        print(f"torch {torch.__version__} is too old; 2.1 or newer is needed.", file=sys.stderr)
        return 1
    device = torch.device(options.device)
    # TF32, as in `on-device steps`.
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    if options.small:
        cases = [("resnet_small", lambda: ResNet([1, 1, 1, 1], 10), "sgdw", 4, 32, 10, 2),
                 ("vit_small", lambda: VisionTransformer(32, 8, 32, 2, 2, 10), "adamw", 4, 32, 10, 2)]
    else:
        cases = [("vit_small_patch32_224", lambda: VisionTransformer(224, 32, 384, 12, 6, 1000), "adamw", 512, 224, 1000, 64),
                 ("resnet50", lambda: ResNet([3, 4, 6, 3], 1000), "sgdw", 256, 224, 1000, 64),
                 ("vit_small_patch16_224", lambda: VisionTransformer(224, 16, 384, 12, 6, 1000), "adamw", 512, 224, 1000, 64),
                 ("resnet101", lambda: ResNet([3, 4, 23, 3], 1000), "sgdw", 256, 224, 1000, 64)]
    rows, failed = [], False
    # What counts most first: the time may end.
    for prefix, (name, make, optimizer, *sizes) in ((p, c) for p in ("sam_", "") for c in cases):
        try:
            row = measure(name, make, prefix + optimizer, *sizes, device, *((1, 1) if options.small else (GROUPS, GROUP)))
            rows.append(row)
            rate = row['batch'] / row['seconds']
            print(f"{name:24}{prefix + optimizer:12}{row['seconds']:10.4f} s/step {rate:8.0f} images/s", flush=True)
        except RuntimeError as e:
            failed = True
            print(f"{name} {prefix + optimizer}: {e}", file=sys.stderr)
        if options.json:
            write(options.json, device, rows)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
