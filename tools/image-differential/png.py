"""PNG of all colour types and depths, interlaced, with transparency and every filter."""
import struct
import zlib
from pixels import SIZES, indices, pack, palette, samples

PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def filtered(rng, rows, step):
    out = bytearray()
    above = None
    for row in rows:
        kind = rng.randrange(5)
        out.append(kind)
        up = above or bytes(len(row))
        for i, value in enumerate(row):
            left = row[i - step] if i >= step else 0
            corner = up[i - step] if i >= step else 0
            out.append(value - (0, left, up[i], (left + up[i]) // 2, paeth(left, up[i], corner))[kind] & 255)
        above = row
    return bytes(out)


def image_data(rng, values, width, height, channels, bits, interlaced):
    step = max(1, channels * bits // 8)
    out = b""
    for x0, y0, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        columns = range(x0, width, dx)
        if not columns:
            continue
        rows = []
        for y in range(y0, height, dy):
            row = [values[(y * width + x) * channels + c] for x in columns for c in range(channels)]
            rows.append(pack(row, len(row), bits))
        out += filtered(rng, rows, step)
    return out


def make(rng):
    for number, (width, height) in enumerate(SIZES):
        for color, channels, depths in ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16))):
            for bits in depths:
                for interlaced in (0, 1):
                    transparent = color != 4 and color != 6 and rng.random() < 0.4
                    entries = rng.randrange(1, (1 << bits) + 1) if color == 3 else 0
                    values = indices(rng, width, height, entries) if color == 3 else samples(rng, width, height, channels, (1 << bits) - 1)
                    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced))
                    if color == 3:
                        body += chunk(b"PLTE", b"".join(map(bytes, palette(rng, entries))))
                    if transparent:
                        body += chunk(b"tRNS", bytes(rng.randrange(256) for _ in range(rng.randrange(1, entries + 1))) if color == 3
                                      else b"".join(struct.pack(">H", v) for v in values[:channels]))
                    packed = zlib.compress(image_data(rng, values, width, height, channels, bits, interlaced), rng.choice((0, 1, 9)))
                    cut = rng.randrange(len(packed) + 1)
                    body += chunk(b"IDAT", packed[:cut]) + chunk(b"IDAT", packed[cut:]) + chunk(b"IEND", b"")
                    yield f"c{color}_{bits}{'_adam7' if interlaced else ''}{'_trns' if transparent else ''}_{width}x{height}", \
                        b"\x89PNG\r\n\x1a\n" + body
