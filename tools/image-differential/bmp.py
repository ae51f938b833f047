"""BMP of every kind."""
import struct
from pixels import SIZES, indices, pack, palette, samples

MASKS = {
    "565": (16, (0xF800, 0x7E0, 0x1F, 0)), "555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "bgrx": (32, (0xFF0000, 0xFF00, 0xFF, 0)), "xbgr": (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
    "rgba": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)), "bgra": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "zero": (32, (0, 0, 0, 0)),
}


def header(size, width, height, bits, compression, data, colors, top_down, masks=()):
    if size == 12:
        return struct.pack("<IHHHH", 12, width, height, 1, bits)
    head = struct.pack("<IiiHHIIiiII", size, width, -height if top_down else height, 1, bits, compression, len(data), 2835, 2835, colors, 0)
    tail = struct.pack("<%dI" % len(masks), *masks)
    if size == 40:
        return head + tail[:12]
    return head + tail.ljust(size - 40, b"\0")


def assemble(info, table, data):
    offset = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + table + data


def rows(data, stride, top_down):
    parts = [data[i:i + stride] for i in range(0, len(data), stride)]
    return b"".join(parts if top_down else parts[::-1])


def run_lengths(rng, values, width, height, nibbles, end_mark=True):
    """Runs, stored pieces (of an even count for nibbles: Pillow misreads odd ones), and marks."""
    out = bytearray()
    for y in range(height - 1, -1, -1):
        row, x = values[y * width:(y + 1) * width], 0
        while x < width:
            run = 1
            while x + run < width and run < 255 and row[x + run] == row[x]:
                run += 1
            stored = min(width - x, rng.choice((4, 8, 12)))
            stored -= stored % 4
            if run < 3 and stored >= 4:
                part = row[x:x + stored]
                data = bytes(part) if not nibbles else pack(part, stored, 4)
                out += bytes((0, stored)) + data + b"\0" * (len(data) & 1)
                x += stored
            elif nibbles and run == 1 and x + 1 < width:
                out += bytes((2, row[x] << 4 | row[x + 1]))
                x += 2
            else:
                out += bytes((run, row[x] << 4 | row[x] if nibbles else row[x]))
                x += run
        out += b"\0\0" if y else b""
    return bytes(out) + (b"\0\1" if end_mark else b"")


def make(rng):
    for width, height in SIZES:
        for bits in (1, 4, 8):
            for size, top_down in ((12, False), (40, False), (40, True), (64, False), (108, False), (124, True)):
                entries = 1 << bits if size == 12 or rng.random() < 0.5 else rng.randrange(2, (1 << bits) + 1)
                grey = rng.random() < 0.2 and not (entries == 2 and bits > 1)
                colors = palette(rng, entries, grey)
                table = b"".join(bytes(c[::-1]) + (b"" if size == 12 else b"\0") for c in colors)
                data = pack(indices(rng, width, height, entries), width, bits, 4)
                data = rows(data, len(data) // height, top_down)
                yield f"pal{bits}_h{size}_{'top_' if top_down else ''}{width}x{height}", assemble(
                    header(size, width, height, bits, 0, data, entries, top_down), table, data)
        for bits in (16, 24, 32):
            for size, top_down in ((12, False), (40, True), (108, False)):
                if size == 12 and bits != 24:
                    continue
                values = samples(rng, width, height, bits // 8)
                data = b"".join(bytes(values[y * width * bits // 8:(y + 1) * width * bits // 8]).ljust((width * bits + 31) // 32 * 4, b"\0")
                                for y in range(height))
                yield f"rgb{bits}_h{size}_{'top_' if top_down else ''}{width}x{height}", assemble(
                    header(size, width, height, bits, 0, data, 0, top_down), b"", data)
        for name, (bits, masks) in MASKS.items():
            for size in (40, 124):
                if size == 40 and masks[3]:
                    continue
                values = samples(rng, width, height, bits // 8)
                data = b"".join(bytes(values[y * width * bits // 8:(y + 1) * width * bits // 8]).ljust((width * bits + 31) // 32 * 4, b"\0")
                                for y in range(height))
                yield f"mask{name}_h{size}_{width}x{height}", assemble(
                    header(size, width, height, bits, 3, data, 0, False, masks), b"", data)
        for bits, compression in ((8, 1), (4, 2)):
            for end_mark in (True, False):
                entries = rng.randrange(3, (1 << bits) + 1)
                data = run_lengths(rng, indices(rng, width, height, entries), width, height, bits == 4, end_mark)
                table = b"".join(bytes(c[::-1]) + b"\0" for c in palette(rng, entries))
                yield f"rle{bits}{'' if end_mark else '_open'}_{width}x{height}", assemble(
                    header(40, width, height, bits, compression, data, entries, False), table, data)
    for name, bits, compression in (("jpeg", 0, 4), ("png", 0, 5), ("jpeg24", 24, 4)):
        yield f"refused-{name}", assemble(header(40, 4, 4, bits, compression, b"x" * 64, 0, False), b"", b"x" * 64)
