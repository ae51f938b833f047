"""Writes one small vision transformer under the names of several libraries: python3 make_models.py.

embed_dim 12, depth 2, 2 heads, patches of 4 pixels, images of 8 pixels, 5 classes. Needs PyTorch and NumPy.
"""
import collections
import os

import numpy as np
import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))
DIM, DEPTH, HEADS, PATCH, TOKENS, CLASSES = 12, 2, 2, 4, 5, 5
count = 0


def values(*shape):
    """Numbers that half precision holds, none twice within a tensor's neighbourhood."""
    global count
    n = int(np.prod(shape))
    result = ((np.arange(count, count + n) * 37 % 1021) - 510) / 512
    count += n
    return result.astype(np.float32).reshape(shape)


timm = collections.OrderedDict()
timm["cls_token"] = values(1, 1, DIM)
timm["pos_embed"] = values(1, TOKENS, DIM)
timm["patch_embed.proj.weight"] = values(DIM, 3, PATCH, PATCH)
timm["patch_embed.proj.bias"] = values(DIM)
for b in range(DEPTH):
    timm[f"blocks.{b}.norm1.weight"], timm[f"blocks.{b}.norm1.bias"] = values(DIM), values(DIM)
    timm[f"blocks.{b}.attn.qkv.weight"], timm[f"blocks.{b}.attn.qkv.bias"] = values(3 * DIM, DIM), values(3 * DIM)
    timm[f"blocks.{b}.attn.proj.weight"], timm[f"blocks.{b}.attn.proj.bias"] = values(DIM, DIM), values(DIM)
    timm[f"blocks.{b}.norm2.weight"], timm[f"blocks.{b}.norm2.bias"] = values(DIM), values(DIM)
    timm[f"blocks.{b}.mlp.fc1.weight"], timm[f"blocks.{b}.mlp.fc1.bias"] = values(4 * DIM, DIM), values(4 * DIM)
    timm[f"blocks.{b}.mlp.fc2.weight"], timm[f"blocks.{b}.mlp.fc2.bias"] = values(DIM, 4 * DIM), values(DIM)
timm["norm.weight"], timm["norm.bias"] = values(DIM), values(DIM)
timm["head.weight"], timm["head.bias"] = values(CLASSES, DIM), values(CLASSES)


def tensors(arrays):
    return collections.OrderedDict((name, torch.from_numpy(np.ascontiguousarray(a))) for name, a in arrays.items())


def half(arrays):
    """Half the bytes; the numbers stay the same."""
    return collections.OrderedDict((name, t.half()) for name, t in tensors(arrays).items())


def save(name, content):
    torch.save(content, name)


save("timm.pth", half(timm))


def jax(first):
    attention, mlp, norm2 = ("MultiHeadDotProductAttention_1", "MlpBlock_3", "LayerNorm_2") if first else (
        "MultiHeadDotProductAttention_0", "MlpBlock_0", "LayerNorm_1")
    size = DIM // HEADS
    flat = {"embedding/kernel": timm["patch_embed.proj.weight"].transpose(2, 3, 1, 0), "embedding/bias": timm["patch_embed.proj.bias"]}
    flat["cls"] = timm["cls_token"]
    flat["Transformer/posembed_input/pos_embedding" if first else "pos_embedding"] = timm["pos_embed"]
    for b in range(DEPTH):
        block, old = f"Transformer/encoderblock_{b}", f"blocks.{b}"
        for name, number in (("LayerNorm_0", 1), (norm2, 2)):
            flat[f"{block}/{name}/scale"] = timm[f"{old}.norm{number}.weight"]
            flat[f"{block}/{name}/bias"] = timm[f"{old}.norm{number}.bias"]
        qkv = timm[f"{old}.attn.qkv.weight"].reshape(3, HEADS, size, DIM)
        bias = timm[f"{old}.attn.qkv.bias"].reshape(3, HEADS, size)
        for i, part in enumerate(("query", "key", "value")):
            flat[f"{block}/{attention}/{part}/kernel"] = qkv[i].transpose(2, 0, 1)
            flat[f"{block}/{attention}/{part}/bias"] = bias[i]
        flat[f"{block}/{attention}/out/kernel"] = timm[f"{old}.attn.proj.weight"].T.reshape(HEADS, size, DIM)
        flat[f"{block}/{attention}/out/bias"] = timm[f"{old}.attn.proj.bias"]
        for i in (0, 1):
            flat[f"{block}/{mlp}/Dense_{i}/kernel"] = timm[f"{old}.mlp.fc{i + 1}.weight"].T
            flat[f"{block}/{mlp}/Dense_{i}/bias"] = timm[f"{old}.mlp.fc{i + 1}.bias"]
    flat["Transformer/encoder_norm/scale"], flat["Transformer/encoder_norm/bias"] = timm["norm.weight"], timm["norm.bias"]
    flat["head/kernel"], flat["head/bias"] = timm["head.weight"].T, timm["head.bias"]
    return {name: a.astype(np.float16) for name, a in flat.items()}


augreg = jax(True)
augreg["pre_logits/kernel"], augreg["pre_logits/bias"] = values(DIM, DIM).astype(np.float16), values(DIM).astype(np.float16)
np.savez("augreg.npz", **augreg)
big = {f"params/{name}": a for name, a in jax(False).items()}
big["opt/0/mu/embedding/kernel"] = big["params/embedding/kernel"]
np.savez_compressed("big_vision.npz", **big)

vision = {}
hugging = {}
for name, array in timm.items():
    if name.startswith("blocks."):
        _, b, rest = name.split(".", 2)
        part, kind = rest.rsplit(".", 1)
        layer = f"encoder.layers.encoder_layer_{b}"
        vision[{"norm1": f"{layer}.ln_1.{kind}", "norm2": f"{layer}.ln_2.{kind}", "attn.qkv": f"{layer}.self_attention.in_proj_{kind}",
                "attn.proj": f"{layer}.self_attention.out_proj.{kind}", "mlp.fc1": f"{layer}.mlp.0.{kind}",
                "mlp.fc2": f"{layer}.mlp.3.{kind}"}[part]] = array
        layer = f"vit.encoder.layer.{b}"
        if part == "attn.qkv":
            for i, which in enumerate(("query", "key", "value")):
                hugging[f"{layer}.attention.attention.{which}.{kind}"] = array[i * DIM:(i + 1) * DIM]
        else:
            hugging[{"norm1": f"{layer}.layernorm_before.{kind}", "norm2": f"{layer}.layernorm_after.{kind}",
                     "attn.proj": f"{layer}.attention.output.dense.{kind}", "mlp.fc1": f"{layer}.intermediate.dense.{kind}",
                     "mlp.fc2": f"{layer}.output.dense.{kind}"}[part]] = array
    else:
        vision[{"cls_token": "class_token", "pos_embed": "encoder.pos_embedding"}.get(name, name.replace(
            "patch_embed.proj", "conv_proj").replace("norm.", "encoder.ln.").replace("head.", "heads.head."))] = array
        hugging[{"cls_token": "vit.embeddings.cls_token", "pos_embed": "vit.embeddings.position_embeddings"}.get(name, name.replace(
            "patch_embed.proj", "vit.embeddings.patch_embeddings.projection").replace("norm.", "vit.layernorm.").replace(
                "head.", "classifier."))] = array
save("torchvision.pth", half(vision))
hugging["vit.pooler.dense.weight"] = values(DIM, DIM)
save("pytorch_model.bin", half(hugging))

teacher = {f"module.backbone.{n}": t for n, t in half(timm).items() if not n.startswith("head.")}
teacher["module.head.mlp.0.weight"] = torch.zeros(2, DIM)
teacher["module.head.last_layer.weight_g"] = torch.zeros(2, 1)
save("dino.pth", {"teacher": teacher, "epoch": 1})

without_head = collections.OrderedDict((n, t) for n, t in half(timm).items() if not n.startswith("head."))
mae = dict(without_head, mask_token=torch.zeros(1, 1, DIM), decoder_pos_embed=torch.zeros(1, TOKENS, DIM))
for i in range(5):
    mae[f"decoder_blocks.{i}.norm1.weight"] = torch.zeros(DIM)
save("mae.pth", {"model": mae})

both = {f"module.base_encoder.{n}": t for n, t in half(timm).items() if not n.startswith("head.")}
both.update({f"module.momentum_encoder.{n}": torch.zeros_like(t) for n, t in without_head.items()})
both["module.base_encoder.head.0.weight"] = torch.zeros(DIM, DIM)
both["module.predictor.0.weight"] = torch.zeros(DIM, DIM)
save("moco.pth", {"epoch": 1, "state_dict": both})

compiled = {f"_orig_mod.module.{n}": t for n, t in half(timm).items()}
save("compiled.pth.tar", {"state_dict": {n: torch.zeros_like(t) for n, t in compiled.items()}, "state_dict_ema": compiled})

distilled = dict(half(timm), dist_token=torch.zeros(1, 1, DIM), **{"head_dist.weight": torch.zeros(CLASSES, DIM)})
save("distilled.pth", {"model": {n: t for n, t in distilled.items() if "blocks" not in n}})
save("grey.pth", {n: t[:, :1] if n == "patch_embed.proj.weight" else t for n, t in half(timm).items() if "blocks" not in n})
save("scaled.pth", {**{n: t for n, t in half(timm).items() if "mlp" not in n}, "blocks.0.ls1.gamma": torch.ones(DIM)})

resample = {}
for name, old, new in (("larger", 4, 6), ("smaller", 7, 5), ("twice", 3, 7), ("half", 8, 4)):
    grid = values(1, old, old, 3)
    out = torch.nn.functional.interpolate(torch.from_numpy(grid).permute(0, 3, 1, 2), size=(new, new), mode="bicubic", antialias=True)
    resample[f"{name}_from"], resample[f"{name}_to"] = grid[0], out.permute(0, 2, 3, 1)[0].numpy()
np.savez("resample.npz", **resample)
print("PyTorch", torch.__version__, "NumPy", np.__version__)
