"""TIFF by its own writer (byte orders, strips, tiles, planes, compressions, fill order, orientation, BigTIFF) and by libtiff's tools
(CCITT, JPEG)."""
import io
import os
import struct
import subprocess
import tempfile
import zlib
from PIL import Image
from pixels import SIZES, indices, pack, samples

TYPES = {"B": (1, 1), "H": (3, 2), "I": (4, 4), "Q": (16, 8), "R": (5, 8)}


def pack_bits(data):
    out, i = bytearray(), 0
    while i < len(data):
        run = 1
        while i + run < len(data) and run < 128 and data[i + run] == data[i]:
            run += 1
        if run > 2:
            out += bytes((257 - run, data[i]))
            i += run
            continue
        start = i
        while i < len(data) and i - start < 128 and not (i + 2 < len(data) and data[i] == data[i + 1] == data[i + 2]):
            i += 1
        out += bytes((i - start - 1,)) + data[start:i]
    return bytes(out)


def lzw(data):
    out, number, count = bytearray(), 0, 0

    def put(code, width):
        nonlocal number, count
        number, count = number << width | code, count + width
        while count >= 8:
            out.append(number >> count - 8 & 255)
            count -= 8
        number &= (1 << count) - 1

    table, width, following = {bytes((v,)): v for v in range(256)}, 9, 258
    put(256, 9)
    text = b""
    for value in data:
        longer = text + bytes((value,))
        if longer in table:
            text = longer
            continue
        put(table[text], width)
        table[longer] = following
        following += 1
        if following > (1 << width) - 1:
            width += 1
        if following > 4093:
            put(256, width if width < 13 else 12)
            table, width, following = {bytes((v,)): v for v in range(256)}, 9, 258
        text = bytes((value,))
    put(table[text], width)
    following += 1
    put(257, width + 1 if following > (1 << width) - 1 and width < 12 else width)
    if count:
        out.append(number << 8 - count & 255)
    return bytes(out)


COMPRESS = {1: bytes, 5: lzw, 8: zlib.compress, 32946: lambda data: zlib.compress(data, 1), 32773: pack_bits}


def reverse(data):
    return bytes(int(f"{b:08b}"[::-1], 2) for b in data)


def predict(values, width, channels, bits):
    out = []
    for start in range(0, len(values), width * channels):
        row = values[start:start + width * channels]
        out += row[:channels] + [(row[i] - row[i - channels]) & (1 << bits) - 1 for i in range(channels, len(row))]
    return out


def store(values, width, bits, order):
    if bits == 16:
        return struct.pack(f"{order}{len(values)}H", *values)
    return pack(values, width, bits)


def part(values, width, channels, x0, y0, columns, rows, height):
    """A strip or tile; what is beyond the image repeats its edge."""
    out = []
    for y in range(y0, y0 + rows):
        for x in range(x0, x0 + columns):
            at = (min(y, height - 1) * width + min(x, width - 1)) * channels
            out += values[at:at + channels]
    return out


def build(values, width, height, channels, bits, photometric, order="<", compression=1, predictor=1, planar=1, tile=None, strip=None,
          fill=1, extra=(), orientation=None, big=False, more=()):
    chunks = []
    for plane in range(channels if planar == 2 else 1):
        source, count = (values[plane::channels], 1) if planar == 2 else (values, channels)
        columns, rows = tile or (width, strip or height)
        for y0 in range(0, height, rows):
            for x0 in range(0, width, columns):
                here = rows if tile else min(rows, height - y0)
                piece = part(source, width, count, x0, y0, columns, here, height)
                if predictor == 2:
                    piece = predict(piece, columns, count, bits)
                data = COMPRESS[compression](store(piece, columns * count, bits, order))
                chunks.append(reverse(data) if fill == 2 else data)
    tags = [(256, "I", [width]), (257, "I", [height]), (258, "H", [bits] * channels), (259, "H", [compression]), (262, "H", [photometric]),
            (277, "H", [channels]), (284, "H", [planar]), *more]
    if fill == 2:
        tags.append((266, "H", [2]))
    if orientation:
        tags.append((274, "H", [orientation]))
    if predictor != 1:
        tags.append((317, "H", [predictor]))
    if extra:
        tags.append((338, "H", list(extra)))
    tags += [(322, "I", [tile[0]]), (323, "I", [tile[1]])] if tile else [(278, "I", [strip or height])]
    return write(tags, chunks, tiled=bool(tile), order=order, big=big)


def write(tags, chunks, tiled, order, big):
    size = 16 if big else 8
    places = []
    body = b""
    for chunk in chunks:
        places.append(size + len(body))
        body += chunk + b"\0" * (len(chunk) & 1)
    kind = "Q" if big else "I"
    tags = sorted([*tags, (324 if tiled else 273, kind, places), (325 if tiled else 279, kind, [len(c) for c in chunks])])
    start = size + len(body)
    entry, inline = (20, 8) if big else (12, 4)
    after = start + (8 if big else 2) + entry * len(tags) + inline
    directory, rest = struct.pack(order + ("Q" if big else "H"), len(tags)), b""
    for tag, code, numbers in tags:
        data = struct.pack(f"{order}{len(numbers)}{'I' if code == 'R' else code}", *numbers)
        count = len(numbers) // 2 if code == "R" else len(numbers)
        directory += struct.pack(order + ("HHQ" if big else "HHI"), tag, TYPES[code][0], count)
        if len(data) <= inline:
            directory += data.ljust(inline, b"\0")
        else:
            directory += struct.pack(order + kind, after + len(rest))
            rest += data + b"\0" * (len(data) & 1)
    directory += struct.pack(order + kind, 0)
    mark = b"II" if order == "<" else b"MM"
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start))
    return head + body + directory + rest


def color_map(rng, bits):
    return (320, "H", [rng.randrange(65536) for _ in range(3 << bits)])


KINDS = [  # name, channels, bits, photometric, extra samples
    ("bilevel0", 1, 1, 0, ()), ("bilevel1", 1, 1, 1, ()), ("grey2", 1, 2, 1, ()), ("grey4", 1, 4, 1, ()), ("white4", 1, 4, 0, ()),
    ("grey8", 1, 8, 1, ()), ("white8", 1, 8, 0, ()), ("grey16", 1, 16, 1, ()), ("greyalpha", 2, 8, 1, (2,)),
    ("pal1", 1, 1, 3, ()), ("pal2", 1, 2, 3, ()), ("pal4", 1, 4, 3, ()), ("pal8", 1, 8, 3, ()),
    ("rgb8", 3, 8, 2, ()), ("rgb16", 3, 16, 2, ()), ("rgba8", 4, 8, 2, (2,)), ("rgbx8", 4, 8, 2, (0,)), ("rgbm8", 4, 8, 2, (1,)),
    ("rgba16", 4, 16, 2, (2,)), ("rgbm16", 4, 16, 2, (1,)), ("rgbxx8", 5, 8, 2, (0, 0)), ("cmyk8", 4, 8, 5, ()), ("cmykx8", 5, 8, 5, (0,)),
    ("grey12", 1, 12, 1, ()), ("cmyk16", 4, 16, 5, ()),
]


def own(rng):
    for number, (name, channels, bits, photometric, extra) in enumerate(KINDS):
        for compression in (1, 5, 8, 32773, 32946):
            for layout in ("strip", "strips", "tiles", "planes"):
                if layout == "planes" and (channels not in (3, 4) or extra == (1,) or (compression == 1 and (bits > 8 or extra))):
                    continue
                width, height = rng.choice(SIZES)
                order = "<" if name == "cmyk16" else rng.choice("<>")
                fill = 2 if bits <= 8 and channels == 1 and rng.random() < 0.2 else 1
                # A predictor is for whole bytes; Pillow's own reader of raw tiles knows no rows that end within a byte.
                predictor = 2 if compression in (5, 8, 32946) and bits in (8, 16) and rng.random() < 0.6 else 1
                values = indices(rng, width, height, 1 << bits) if photometric == 3 \
                    else samples(rng, width, height, channels, (1 << bits) - 1)
                options = dict(planar=2 if layout == "planes" else 1, tile=rng.choice(((16, 16), (32, 16))) if layout == "tiles" else None,
                               strip=rng.choice((1, 3, 8)) if layout == "strips" else None, extra=extra,
                               orientation=rng.choice((None, None, 1, *range(2, 9))),
                               more=[color_map(rng, bits)] if photometric == 3 else [])
                plain = (values, width, height, channels, bits, photometric)
                big = rng.random() < 0.15
                label = f"{name}_{compression}{'_p2' if predictor == 2 else ''}_{layout}_{'II' if order == '<' else 'MM'}" \
                    f"{'_lsb' if fill == 2 else ''}{'_big' if big else ''}_{width}x{height}"
                # Pillow 9 does not read big-endian BigTIFF, nor inverted grey with reversed bits, nor 12 bits with the other byte order,
                # which does not matter for them.
                coding = dict(compression=compression, predictor=predictor, **options)
                yield label, build(*plain, order=order, fill=fill, big=big, **coding), \
                    build(*plain, order="<" if bits == 12 else order, **coding)


def ycc(rng):
    """Blocks of luma that share their chroma, compressed: Pillow has libtiff convert those. Not 4 x 4, of which libtiff loses the end."""
    for width, height in SIZES:
        for across, down in ((1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (4, 2)):
            blocks = ((width + across - 1) // across) * ((height + down - 1) // down)
            data = bytes(samples(rng, across * down + 2, blocks, 1))
            compression = rng.choice((5, 8, 32773))
            more = [(530, "H", [across, down])]
            if rng.random() < 0.3:
                more.append((532, "R", [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1]))
            if rng.random() < 0.3:
                more.append((529, "R", [2125, 10000, 7154, 10000, 721, 10000]))
            tags = [(256, "I", [width]), (257, "I", [height]), (258, "H", [8, 8, 8]), (259, "H", [compression]), (262, "H", [6]),
                    (277, "H", [3]), (278, "I", [height]), (284, "H", [1]), *more]
            yield f"ycc{across}{down}_{compression}_{width}x{height}", write(tags, [COMPRESS[compression](data)], False, "<", False)


def by_libtiff(image, *options, **save):
    with tempfile.TemporaryDirectory() as folder:
        first, second = os.path.join(folder, "a.tif"), os.path.join(folder, "b.tif")
        image.save(first, **save)
        if not options:
            second = first
        else:
            subprocess.run(["tiffcp", *options, first, second], check=True, stderr=subprocess.DEVNULL)
        with open(second, "rb") as file:
            return file.read()


def fax(rng):
    for width, height in [*SIZES, (70, 9), (200, 4), (2700, 2)]:
        values = samples(rng, width, height, 1, 1) if rng.random() < 0.5 else indices(rng, width, height, 2)
        image = Image.frombytes("1", (width, height), pack(values, width, 1))
        for name in ("group3", "group4", "tiff_ccitt"):
            yield f"fax_{name}_{width}x{height}", by_libtiff(image, compression=name)
        for name, option in (("g3_1d", "g3:1d"), ("g3_2d", "g3:2d"), ("g3_2d_fill", "g3:2d:fill"), ("g4", "g4")):
            for strip in (2, 1000):
                yield f"fax_{name}_r{strip}_{width}x{height}", by_libtiff(image, "-c", option, "-r", str(strip),
                                                                        *(["-f", "lsb2msb"] if rng.random() < 0.3 else []))


def jpeg(rng):
    for width, height in SIZES:
        rgb = Image.frombytes("RGB", (width, height), bytes(samples(rng, width, height, 3)))
        grey = Image.frombytes("L", (width, height), bytes(samples(rng, width, height, 1)))
        yield f"jpeg_rgb_{width}x{height}", by_libtiff(rgb, compression="jpeg", quality=80)
        yield f"jpeg_grey_{width}x{height}", by_libtiff(grey, compression="jpeg", quality=60)
        for name, options in (("ycc_r8", ("-c", "jpeg:70", "-r", "16")), ("rgb_r8", ("-c", "jpeg:r:70", "-r", "8")),
                              ("ycc_tiles", ("-c", "jpeg:85", "-t", "-w", "16", "-l", "16"))):
            yield f"jpeg_{name}_{width}x{height}", by_libtiff(rgb, *options)


def refused(rng):
    for name, channels, bits, photometric, compression in (
            ("grey32", 1, 32, 1, 1), ("lab", 3, 8, 8, 1), ("rgb4", 3, 4, 2, 1), ("mask", 1, 1, 4, 1), ("lzma", 1, 8, 1, 34925),
            ("zstd", 1, 8, 1, 50000), ("webp", 3, 8, 2, 50001), ("thunder", 1, 4, 1, 32809), ("oldjpeg", 3, 8, 6, 6)):
        tags = [(256, "I", [4]), (257, "I", [4]), (258, "H", [bits] * channels), (259, "H", [compression]), (262, "H", [photometric]),
                (277, "H", [channels]), (278, "I", [4])]
        yield f"refused-{name}", write(tags, [bytes(range(256))], False, "<", False)
    for kind in (2, 3):
        yield f"refused-format{kind}", build(samples(rng, 4, 4, 1, 65535), 4, 4, 1, 16, 1, more=[(339, "H", [kind])])
    yield "refused-float-predictor", build(samples(rng, 4, 4, 1), 4, 4, 1, 8, 1, compression=8, predictor=3)
    yield "refused-jpeg-cmyk", by_libtiff(Image.frombytes("CMYK", (16, 16), bytes(samples(rng, 16, 16, 4))), compression="jpeg")


def make(rng):
    yield from own(rng)
    yield from ycc(rng)
    yield from fax(rng)
    yield from jpeg(rng)
    yield from refused(rng)
