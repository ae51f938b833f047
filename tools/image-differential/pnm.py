"""PBM, PGM and PPM, plain and binary; PAM, which Pillow does not read, with the pixels that it must have."""
import struct
from pixels import SIZES, pack, samples


def number(value, largest):
    return struct.pack(">H", value) if largest > 255 else bytes((value,))


def plain(rng, values):
    return "".join(
        str(v) + rng.choice((" ", " ", "\n", "\t", "  ", " # comment 7\n" if rng.random() < 0.1 else " ")) for v in values).encode()


def make(rng):
    for width, height in SIZES:
        size = f"{width} {height}".encode()
        bits = samples(rng, width, height, 1, 1)
        yield f"p4_{width}x{height}", b"P4\n" + size + b"\n" + pack(bits, width, 1)
        yield f"p1_{width}x{height}", b"P1\n# made\n" + size + b"\n" + plain(rng, bits)
        yield f"p1_dense_{width}x{height}", b"P1 " + size + b"\n" + b"".join(
            "".join(map(str, bits[y * width:(y + 1) * width])).encode() + b"\n" for y in range(height))
        for largest in (255, 1, 15, 100, 254, 256, 1023, 4095, 65535):
            for kind, channels in ((5, 1), (6, 3)):
                values = samples(rng, width, height, channels, largest)
                gap = rng.choice((b"\n", b" ", b"\n# a comment\n", b"\t"))
                yield f"p{kind}_max{largest}_{width}x{height}", b"P%d" % kind + gap + size + gap + b"%d\n" % largest + b"".join(
                    number(v, largest) for v in values)
                if largest in (255, 15, 1023):
                    yield f"p{kind - 3}_max{largest}_{width}x{height}", \
                        b"P%d" % (kind - 3) + gap + size + b"\n%d\n" % largest + plain(rng, values)
        for channels in (1, 2, 3, 4):
            values = samples(rng, width, height, channels)
            head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL 255\n# made\nTUPLTYPE ANY\nENDHDR\n".encode()
            rgb = bytearray()
            for i in range(0, len(values), channels):
                rgb += bytes(values[i:i + 3]) if channels > 2 else bytes(values[i:i + 1]) * 3
            yield f"pam{channels}_{width}x{height}", head + bytes(values), (width, height, bytes(rgb))
    yield "refused-pfm", b"PF\n2 2\n-1.0\n" + b"\0" * 48
