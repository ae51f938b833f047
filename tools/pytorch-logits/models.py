"""The networks that the reference trains, stated anew for PyTorch: names and order of the weights as in timm 0.9."""
import torch
from torch import nn


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 convolution, each with batch norm; what comes in is added before the last ReLU."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """`width` is 64 in the reference; fixtures are narrower."""

    def __init__(self, layers, classes=1000, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for i, blocks in enumerate(layers):
            planes = width << i
            stage = []
            for j in range(blocks):
                stage.append(Bottleneck(channels, planes, 2 if i > 0 and j == 0 else 1))
                channels = 4 * planes
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.stages = len(layers)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        batch, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (dim // self.heads) ** -0.5
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, dim))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, 1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, 1e-6)
        self.mlp = Mlp(dim, 4 * dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, dim):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """Pre-norm; the class token is classified, or with `mean` the mean of the patches, whose norm then follows the mean."""

    def __init__(self, patch, image=224, dim=384, depth=12, heads=6, classes=1000, class_token=True, mean=False):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if class_token else None
        self.pos_embed = nn.Parameter(torch.zeros(1, (image // patch) ** 2 + (1 if class_token else 0), dim))
        self.patch_embed = PatchEmbed(patch, dim)
        self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
        self.norm = nn.Identity() if mean else nn.LayerNorm(dim, 1e-6)
        self.fc_norm = nn.LayerNorm(dim, 1e-6) if mean else nn.Identity()
        self.head = nn.Linear(dim, classes)
        self.mean = mean

    def forward(self, x):
        x = self.patch_embed(x)
        if self.cls_token is not None:
            x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1)
        x = self.norm(self.blocks(x + self.pos_embed))
        x = x[:, 0 if self.cls_token is None else 1:].mean(1) if self.mean else x[:, 0]
        return self.head(self.fc_norm(x))


MODELS = {
    "resnet50": lambda classes=1000: ResNet([3, 4, 6, 3], classes),
    "resnet101": lambda classes=1000: ResNet([3, 4, 23, 3], classes),
    "vit_small_patch16_224": lambda classes=1000: VisionTransformer(16, classes=classes),
    "vit_small_patch32_224": lambda classes=1000: VisionTransformer(32, classes=classes),
}


def draw(model, seed):
    """Weights as no training leaves them zero: all of a size that keeps activations near 1, so that every branch counts."""
    generator = torch.Generator().manual_seed(seed)
    for name, entry in model.state_dict().items():
        if not entry.dtype.is_floating_point:
            continue
        noise = torch.randn(entry.shape, generator=generator)
        if name.endswith("running_var"):
            value = 1 + 0.1 * noise.abs()
        elif entry.dim() >= 2 and not name.endswith(("pos_embed", "cls_token")):
            value = noise / entry[0].numel() ** 0.5
        elif name.endswith("weight"):
            value = (0.2 if ".bn3." in name else 1) + 0.05 * noise
        else:
            value = 0.05 * noise
        entry.copy_(value)
    return model.eval()
