// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), equal to Random/Philox.cs in every bit.
#pragma once
#include "math.cuh"

/// The four words of a block: word i of the sequence (seed, stream) is word i mod 4 of block i / 4.
DEVICE uint4 philox(unsigned long long seed, unsigned long long stream, unsigned long long block)
{
    unsigned x = (unsigned)block, y = (unsigned)(block >> 32), z = (unsigned)stream, w = (unsigned)(stream >> 32);
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
    for (int round = 0; round < 10; round++)
    {
        unsigned long long p0 = 0xD2511F53ull * x, p1 = 0xCD9E8D57ull * z;
        x = (unsigned)(p1 >> 32) ^ y ^ k0;
        y = (unsigned)p1;
        z = (unsigned)(p0 >> 32) ^ w ^ k1;
        w = (unsigned)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    uint4 words = {x, y, z, w};
    return words;
}

/// Uniform in [0, 1): the upper 24 bits, exact in float32.
DEVICE float uniform_of(unsigned word) { return (float)(word >> 8) * 5.9604644775390625e-8f; }

/// Two standard normal numbers of two words (Box and Muller), in float64 and rounded once, as the CPU does.
DEVICE float2 normals_of(unsigned first, unsigned second)
{
    // The first uniform lies in (0, 1], so that the logarithm is finite.
    double radius = square_root(-2.0 * log_of(((first >> 8) + 1) * 5.9604644775390625e-8)), sine, cosine;
    sin_cos_of_turn(second * (1.0 / 4294967296.0), sine, cosine);
    float2 pair = {(float)(radius * cosine), (float)(radius * sine)};
    return pair;
}
