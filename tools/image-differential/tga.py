"""TGA of every kind that Pillow reads."""
import struct
from pixels import SIZES, indices, pack, palette, samples


def run_lengths(rng, data, size, row):
    """Packets that stay within a row, as the standard of 1989 demands."""
    out = bytearray()
    for start in range(0, len(data), row):
        pixels = [data[i:i + size] for i in range(start, start + row, size)]
        x = 0
        while x < len(pixels):
            run = 1
            while x + run < len(pixels) and run < 128 and pixels[x + run] == pixels[x]:
                run += 1
            if run > 1 or rng.random() < 0.2:
                out += bytes((127 + run,)) + pixels[x]
                x += run
            else:
                count = min(len(pixels) - x, rng.randrange(1, 129))
                out += bytes((count - 1,)) + b"".join(pixels[x:x + count])
                x += count
    return bytes(out)


def header(ident, kind, first, table, table_bits, width, height, bits, flags):
    entries = len(table) * 8 // table_bits if table_bits else 0
    return struct.pack("<BBBHHBHHHHBB", len(ident), 1 if table_bits else 0, kind, first, entries, table_bits, 0, 0, width, height, bits,
                       flags)


def make(rng):
    for width, height in SIZES:
        for kind, bits, table_bits in ((2, 16, 0), (2, 24, 0), (2, 32, 0), (3, 8, 0), (3, 16, 0), (3, 1, 0), (1, 8, 16), (1, 8, 24),
                                       (1, 8, 32)):
            for packed in (False, True):
                if packed and bits == 1:
                    continue
                flags = rng.choice((0, 0x10, 0x20, 0x30)) | (8 if bits == 32 else 0)
                ident = bytes(rng.randrange(256) for _ in range(rng.choice((0, 0, 5))))
                first, table = (0, b"")
                if table_bits:
                    entries = rng.choice((2, 16, 100, 256))
                    first = rng.choice((0, 0, min(3, 256 - entries)))
                    table = bytes(rng.randrange(256) for _ in range(entries * table_bits // 8))
                    data = bytes(first + i for i in indices(rng, width, height, entries))
                elif bits == 1:
                    data = pack(samples(rng, width, height, 1, 1), width, 1)
                elif rng.random() < 0.5:
                    data = bytes(samples(rng, width, height, bits // 8))
                else:
                    colors = [bytes(rng.randrange(256) for _ in range(bits // 8)) for _ in range(5)]
                    data = b"".join(colors[i] for i in indices(rng, width, height, 5))
                if packed:
                    data = run_lengths(rng, data, bits // 8, width * bits // 8)
                head = header(ident, kind + (8 if packed else 0), first, table, table_bits, width, height, bits, flags)
                label = f"k{kind}_{bits}{f'_t{table_bits}' if table_bits else ''}{'_rle' if packed else ''}_{width}x{height}"
                if table_bits == 32:
                    # Pillow 9 does not read the fourth byte of entries.
                    short = b"".join(table[i:i + 3] for i in range(0, len(table), 4))
                    twin = header(ident, kind + (8 if packed else 0), first, short, 24, width, height, bits, flags) + ident + short + data
                    yield label, head + ident + table + data, twin
                else:
                    yield label, head + ident + table + data
