"""The weight formula of the reference numbers: every value follows from the name of its tensor and its index."""
import numpy
import torch

MASK = (1 << 64) - 1


def units(name, count):
    """count numbers in [-1, 1), exact in float32."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    with numpy.errstate(over="ignore"):
        z = (numpy.uint64(h) ^ numpy.arange(count, dtype=numpy.uint64)) + numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(40)).astype(numpy.float64) / 8388608 - 1


def values(name, shape, base, scale, absolute=False):
    u = units(name, int(numpy.prod(shape)))
    return (base + scale * (numpy.abs(u) if absolute else u)).astype(numpy.float32).reshape(shape)


def rule(name, shape):
    last = name.split(".")[-1]
    if last in ("pos_embed", "cls_token"):
        return 0, 0.02, False
    if last == "running_mean":
        return 0, 0.05, False
    if last == "running_var":
        return 1, 0.1, True
    if last == "bias":
        return 0, 0.05, False
    if len(shape) >= 2:
        return 0, (3 / numpy.prod(shape[1:])) ** 0.5, False
    return 1, 0.1, False


def fill(model):
    """Sets the weights and statistics of a model."""
    for name, entry in model.state_dict().items():
        if entry.dtype.is_floating_point:
            entry.copy_(torch.from_numpy(values(name, tuple(entry.shape), *rule(name, tuple(entry.shape)))))
