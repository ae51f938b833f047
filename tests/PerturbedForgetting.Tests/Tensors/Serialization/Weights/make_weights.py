"""Writes the files of weights in this folder with PyTorch, NumPy and Python's own pickle: python3 make_weights.py.

Values are value(start + i) for i = 0, 1, ..., which every floating-point type here holds exactly.
"""
import argparse
import collections
import io
import os
import pickle
import sys
import zipfile

import numpy as np
import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))


def value(i):
    return ((i * 7) % 31 - 15) / 8


def values(start, *shape):
    count = int(np.prod(shape, dtype=np.int64))
    return torch.tensor([value(start + i) for i in range(count)], dtype=torch.float32).reshape(shape)


def tensors():
    shared = values(0, 6, 4)
    state = collections.OrderedDict()
    state["dense"] = values(1, 2, 3)
    state["transposed"] = values(2, 4, 3).t()
    state["rows"] = shared[2:4]
    state["columns"] = shared[:, 1:3]
    state["shared"] = shared
    state["double"] = values(3, 5).double()
    state["half"] = values(4, 5).half()
    state["bfloat"] = values(5, 2, 2).bfloat16()
    state["parameter"] = torch.nn.Parameter(values(6, 3))
    state["counter"] = torch.tensor(7)
    state["empty"] = torch.zeros(0, 3)
    state["expanded"] = values(8, 3, 1).expand(3, 2)
    state["bytes"] = torch.tensor([1, 2, 255], dtype=torch.uint8)
    state["truth"] = torch.tensor([True, False])
    state["channels_last"] = values(9, 2, 3, 2, 2).to(memory_format=torch.channels_last)
    return state


class Recipe:
    """A class that nobody else has."""

    def __init__(self):
        self.depth = 3


class Evil:
    """Would make a file if it were executed."""

    def __reduce__(self):
        return os.system, ("touch /tmp/pf-pickle-was-executed",)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 2, 2)
        self.tail = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.Linear(2, 3))


def linear(start):
    return collections.OrderedDict(weight=values(start, 2, 2), bias=values(start + 4, 2))


torch.save(tensors(), "zip.pth")
torch.save(tensors(), "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(tensors(), "legacy_protocol4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)

checkpoint = {
    "epoch": 3,
    "arch": "vit",
    "args": argparse.Namespace(lr=0.1, betas=(0.9, 0.99)),
    "recipe": Recipe(),
    "best": np.float64(0.5),
    "state_dict": linear(0),
    "state_dict_ema": linear(10),
    "optimizer": {"state": {0: {"step": 1, "exp_avg": values(0, 2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "rng": torch.get_rng_state()[:16].clone(),
}
torch.save(checkpoint, "checkpoint.pth.tar")
torch.save({"student": linear(0), "teacher": linear(10), "dino_loss": {"center": values(0, 1, 2)}}, "dino.pth")
torch.save({"mine": linear(0), "yours": linear(10)}, "two.pth")
torch.save({"wrapped": {"inner": linear(5)}}, "unknown_key.pth")
torch.save({"weight": values(0, 2, 2), "evil": Evil()}, "evil.pth")
torch.save({"weight": values(0, 2).to_sparse(), "plain": values(1, 2)}, "sparse.pth")
torch.manual_seed(1)
net = Net()
with torch.no_grad():
    for index, parameter in enumerate(net.parameters()):
        parameter.copy_(values(index, *parameter.shape))
torch.save(net, "module.pth")
torch.jit.script(torch.nn.Linear(2, 2)).save("script.pt")
torch.save(linear(0), "deflated.pth")
with zipfile.ZipFile("deflated.pth") as old:
    members = [(info.filename, old.read(info)) for info in old.infolist()]
with zipfile.ZipFile("deflated.pth", "w", zipfile.ZIP_DEFLATED) as new:
    for name, content in members:
        new.writestr(name, content)
    new.writestr("deflated/byteorder", "little")
with zipfile.ZipFile("bigendian.pth", "w") as new:
    for name, content in members:
        if "/data/" in name:
            content = np.frombuffer(content, "<f4").astype(">f4").tobytes()
        new.writestr(name, content)
    new.writestr("deflated/byteorder", "big")


class Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes lengths behind the data instead of before it."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, content):
        return self.file.write(content)


with open("descriptors.pth", "wb") as file, zipfile.ZipFile(Unseekable(file), "w") as new:
    for name, content in members:
        new.writestr(name, content)

arrays = {
    "a": values(0, 2, 3).numpy(),
    "fortran": np.asfortranarray(values(1, 2, 3).numpy()),
    "big": values(2, 4).numpy().astype(">f4"),
    "half": values(3, 4).numpy().astype("<f2"),
    "folder/double": values(4, 2).numpy().astype("<f8"),
    "scalar": np.array(5, dtype="<i4"),
    "words": np.array(["one", "two"]),
}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
np.save("single.npy", values(0, 2, 3).numpy())
np.save("dictionary.npy", {"w": values(0, 2, 2).numpy(), "b": values(4, 2).numpy()}, allow_pickle=True)

everything = {
    "none": None, "true": True, "small": 5, "middle": 300, "negative": -7, "large": 1 << 40, "huge": 1 << 70, "minus": -(1 << 70),
    "float": 0.1, "infinity": float("inf"), "text": "Grüße\n\\u1234 \U0001F600", "bytes": b"\x00\xff'\"\\n", "list": [1, [2, [3]]],
    "tuple": (), "tuples": ((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "set": {1}, "frozen": frozenset([2]),
    "ordered": collections.OrderedDict(a=1, b=2), "default": collections.defaultdict(list, a=[1]),
    "array": np.arange(6, dtype="<i2").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3)),
    "scalar": np.float32(0.5), "objects": np.array([1, "x"], dtype=object),
    "bytearray": bytearray(b"ab"), 3: "number", b"key": "bytes", (1, 2): "tuple",
}
everything["self"] = everything["list"]
for protocol in range(6):
    with open(f"everything{protocol}.pkl", "wb") as file:
        pickle.dump(everything, file, protocol)
loop = []
loop.append(loop)
with open("loop.pkl", "wb") as file:
    pickle.dump({"loop": loop}, file, 2)
print("PyTorch", torch.__version__, "NumPy", np.__version__, "Python", sys.version.split()[0])
