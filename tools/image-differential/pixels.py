"""Small pictures: gradients, waves and noise, so that every sample and every predictor is met."""
import math

SIZES = [(1, 1), (1, 7), (7, 1), (2, 2), (3, 5), (4, 2), (5, 4), (8, 8), (9, 17), (16, 16), (17, 13), (31, 3), (33, 20)]


def samples(rng, width, height, channels, largest=255):
    """height x width x channels whole numbers from 0 to largest."""
    kind = rng.randrange(4)
    out = []
    noise = 0.06 if kind else 0.5
    phase = rng.random() * 6
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                wave = 0.5 + 0.45 * math.sin(phase + 0.35 * x * (c + 1) / 2 + 0.23 * y * (3 - c % 3))
                ramp = (x * (c + 1) + y * 2) % 40 / 39
                value = (wave, wave, ramp, 1.0 if wave > 0.6 else 0.0)[kind] + (rng.random() - 0.5) * noise * (kind != 3)
                out.append(max(0, min(largest, int(value * largest + 0.5))))
    return out


def palette(rng, entries, grey=False):
    """entries x (red, green, blue)."""
    if grey:
        return [(v, v, v) for v in (i * 255 // max(entries - 1, 1) for i in range(entries))]
    return [tuple(rng.randrange(256) for _ in range(3)) for _ in range(entries)]


def indices(rng, width, height, entries):
    """Runs and single pixels, so that run-length coders have both."""
    out = []
    while len(out) < width * height:
        out += [rng.randrange(entries)] * rng.choice((1, 1, 1, 2, 3, 7, 20))
    return out[:width * height]


def pack(values, width, bits, align=1, reverse=False):
    """Rows of samples of 1 to 16 bits, the first one in the highest bits, each row filled up to `align` bytes. Not for 16 bits in little
    endian."""
    out = bytearray()
    for start in range(0, len(values), width):
        number, count = 0, 0
        for value in values[start:start + width]:
            number = number << bits | value
            count += bits
        free = -count % (8 * align)
        out += (number << free).to_bytes((count + free) // 8, "big")
    return bytes(out[i] if not reverse else int(f"{out[i]:08b}"[::-1], 2) for i in range(len(out))) if reverse else bytes(out)
