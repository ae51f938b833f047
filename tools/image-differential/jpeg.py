"""JPEG by Pillow and by cjpeg, which knows restart markers and arithmetic coding."""
import io
import subprocess
from PIL import Image
from pixels import SIZES, samples


def cjpeg(image, *options):
    ppm = io.BytesIO()
    image.save(ppm, "PPM")
    return subprocess.run(["cjpeg", *options], input=ppm.getvalue(), stdout=subprocess.PIPE, check=True).stdout


def picture(rng, width, height, mode):
    return Image.frombytes(mode, (width, height), bytes(samples(rng, width, height, len(mode) if mode != "L" else 1)))


def make(rng):
    for width, height in SIZES:
        for progressive in (False, True):
            for mode, samplings in (("RGB", (0, 1, 2)), ("L", (0,)), ("CMYK", (0, 2))):
                for sampling in samplings:
                    out = io.BytesIO()
                    picture(rng, width, height, mode).save(
                        out, "JPEG", quality=rng.choice((30, 75, 95)), subsampling=sampling, progressive=progressive,
                        optimize=rng.random() < 0.5)
                    yield f"{mode.lower()}_s{sampling}{'_prog' if progressive else ''}_{width}x{height}", out.getvalue()
            for sampling in ("1x2", "4x1", "4x2", "2x2"):
                options = ["-quality", rng.choice(("40", "85")), "-sample", sampling, "-restart", rng.choice(("1", "2", "1B", "3B"))]
                yield f"cjpeg_{sampling}{'_prog' if progressive else ''}_{width}x{height}", cjpeg(
                    picture(rng, width, height, "RGB"), *options, *(["-progressive"] if progressive else []))
        yield f"rgb_kept_{width}x{height}", cjpeg(picture(rng, width, height, "RGB"), "-rgb", "-quality", "80")
    yield "refused-arithmetic", cjpeg(picture(rng, 16, 16, "RGB"), "-arithmetic")
