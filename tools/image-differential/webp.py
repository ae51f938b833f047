"""WebP by Pillow (libwebp): lossy, lossless, alpha, animations; and what webpmux makes of it."""
import io
from PIL import Image
from pixels import SIZES, samples

KINDS = {
    "lossless": dict(lossless=True), "exact": dict(lossless=True, exact=True), "fast": dict(lossless=True, quality=0, method=0),
    "q5": dict(quality=5, method=6), "q60": dict(quality=60), "q98": dict(quality=98), "alpha20": dict(quality=70, alpha_quality=20),
}


def picture(rng, width, height, mode):
    return Image.frombytes(mode, (width, height), bytes(samples(rng, width, height, len(mode))))


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
