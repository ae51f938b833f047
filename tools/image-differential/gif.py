"""GIF: interlaced, global and local palettes, transparency, frames smaller than the screen, several frames."""
import struct
from pixels import SIZES, indices, palette


def lzw(values, bits, rng):
    """Codes of variable length; now and then the table begins anew before it is full, or stays full."""
    clear, end = 1 << bits, (1 << bits) + 1
    out, number, count = bytearray(), 0, 0

    def put(code, width):
        nonlocal number, count
        number |= code << count
        count += width
        while count >= 8:
            out.append(number & 255)
            number >>= 8
            count -= 8

    table, width = {(v,): v for v in range(clear)}, bits + 1
    put(clear, width)
    text, following = (), end + 1
    for value in values:
        if text + (value,) in table:
            text += (value,)
            continue
        put(table[text], width)
        if following < 4096:
            table[text + (value,)] = following
            following += 1
            if following - 1 == 1 << width and width < 12:
                width += 1
        if following == 4096 or rng.random() < 0.002:
            put(clear, width)
            table, width, following = {(v,): v for v in range(clear)}, bits + 1, end + 1
        text = (value,)
    put(table[text], width)
    # The decoder has added an entry more than this table has.
    if following == 1 << width and width < 12:
        width += 1
    put(end, width)
    if count:
        out.append(number & 255)
    return bytes(out)


def blocks(data, rng):
    out, at = b"", 0
    while at < len(data):
        size = rng.choice((255, 255, 17))
        out += bytes((len(data[at:at + size]),)) + data[at:at + size]
        at += size
    return out + b"\0"


def frame(rng, left, top, width, height, bits, local, interlaced, transparent, entries):
    out = b""
    if transparent is not None:
        out += b"\x21\xf9\x04" + struct.pack("<BHB", 1 | rng.choice((0, 4, 8, 12)), 5, transparent) + b"\0"
    flags = (0x80 | bits - 1 if local else 0) | (0x40 if interlaced else 0)
    out += b"," + struct.pack("<HHHHB", left, top, width, height, flags)
    if local:
        out += b"".join(map(bytes, palette(rng, 1 << bits)))
    values = indices(rng, width, height, entries)
    if interlaced:
        order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
        values = [v for y in order for v in values[y * width:(y + 1) * width]]
    code = max(2, bits)
    return out + bytes((code,)) + blocks(lzw(values, code, rng), rng)


def make(rng):
    for number, (width, height) in enumerate(SIZES):
        for bits in (1, 2, 4, 8):
            for interlaced in (False, True):
                for palettes in ("global", "local", "both"):
                    version = rng.choice((b"GIF87a", b"GIF89a"))
                    transparent = rng.choice((None, 0, rng.randrange(1 << bits)))
                    frames = rng.choice((1, 1, 3))
                    offset = rng.random() < 0.3
                    screen = (width + 3, height + 2) if offset else (width, height)
                    flags = (0x80 | bits - 1 if palettes != "local" else 0) | 0x70
                    body = version + struct.pack("<HHBBB", *screen, flags, rng.randrange(1 << bits), 0)
                    if palettes != "local":
                        body += b"".join(map(bytes, palette(rng, 1 << bits)))
                    if rng.random() < 0.2:
                        body += b"\x21\xfe\x05hello\0"
                    for i in range(frames):
                        body += frame(rng, 2 if offset else 0, 1 if offset else 0, width, height, bits, palettes != "global",
                                      interlaced, transparent, 1 << bits)
                    yield f"b{bits}_{palettes}{'_lace' if interlaced else ''}{'_off' if offset else ''}_{width}x{height}", body + b";"
