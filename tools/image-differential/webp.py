"""WebP by Pillow (libwebp): lossy, lossless, alpha, animations; and what webpmux makes of it: a first frame smaller than the canvas."""
import io
import os
import subprocess
import tempfile
from PIL import Image
from pixels import SIZES, samples

KINDS = {
    "lossless": dict(lossless=True), "exact": dict(lossless=True, exact=True), "fast": dict(lossless=True, quality=0, method=0),
    "q5": dict(quality=5, method=6), "q60": dict(quality=60), "q98": dict(quality=98), "alpha20": dict(quality=70, alpha_quality=20),
}


def picture(rng, width, height, mode):
    return Image.frombytes(mode, (width, height), bytes(samples(rng, width, height, len(mode))))


def placed(rng, width, height):
    """Two frames at other places than the canvas's corner, in which the first does not reach its end."""
    with tempfile.TemporaryDirectory() as folder:
        options = []
        for number, (left, top) in enumerate(((2, 4), (6, 0))):
            path = os.path.join(folder, f"{number}.webp")
            picture(rng, width, height, rng.choice(("RGB", "RGBA"))).save(path, "WEBP", **KINDS[rng.choice(("lossless", "q60", "exact"))])
            options += ["-frame", path, f"+50+{left}+{top}+{rng.randrange(2)}{rng.choice(('+b', '-b'))}"]
        out = os.path.join(folder, "out.webp")
        subprocess.run(["webpmux", *options, "-bgcolor", "255,200,100,50", "-o", out], check=True, stderr=subprocess.DEVNULL)
        with open(out, "rb") as file:
            return file.read()


def make(rng):
    for width, height in SIZES:
        for mode in ("RGB", "RGBA"):
            for name, options in KINDS.items():
                out = io.BytesIO()
                extra = dict(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0") if rng.random() < 0.2 else {}
                picture(rng, width, height, mode).save(out, "WEBP", **options, **extra)
                yield f"{mode.lower()}_{name}_{width}x{height}", out.getvalue()
        for name in ("lossless", "q60"):
            out = io.BytesIO()
            frames = [picture(rng, width, height, "RGBA") for _ in range(3)]
            frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=50, **KINDS[name])
            yield f"animated_{name}_{width}x{height}", out.getvalue()
        yield f"placed_{width}x{height}", placed(rng, width, height)
        out = io.BytesIO()
        picture(rng, width, height, "RGB").save(out, "WEBP", lossless=True, icc_profile=bytes(rng.randrange(256) for _ in range(168)))
        yield f"profile_{width}x{height}", out.getvalue()
