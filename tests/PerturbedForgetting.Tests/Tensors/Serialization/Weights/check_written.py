"""Reads what TorchWriter wrote, as python3 check_written.py FILE; the test TorchWriterTests writes FILE with

    dotnet test tests/PerturbedForgetting.Tests --filter TheFileIsTheOneThatPyTorchHasRead -- \
        'TestRunParameters.Parameter(name="write", value="FILE")'
"""
import hashlib
import sys

import torch

state = torch.load(sys.argv[1], weights_only=True)
types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64,
         torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
assert type(state).__name__ == "OrderedDict" and len(state) == 13, state
for tensor, dtype in zip(state.values(), types):
    expected = torch.tensor([[1, 2, 3], [4, 5, 6]])
    expected = expected % 2 == 1 if dtype == torch.bool else expected.to(dtype)
    assert tensor.dtype == dtype and torch.equal(tensor, expected), tensor
assert state["scalar"].item() == 1 << 40 and state["scalar"].shape == ()
assert state["empty"].shape == (0, 4) and state["Gr\u00fc\u00dfe"].item() == 0.5
print("PyTorch", torch.__version__, "reads", hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])
