using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Tensors.Random;

/// <summary>
/// The vector operations of <see cref="Philox"/>. A lane of 64 bits holds a word of the state in its lower half and anything in its
/// upper one, which the widening product does not see: so a round is two products, two shifts and two exclusive ors.
/// </summary>
/// <typeparam name="TVector">Vector of ulong; a lane is a block.</typeparam>
unsafe interface IPhiloxLanes<TVector> where TVector : struct
{
    /// <summary>Blocks in a vector.</summary>
    static abstract int Count { get; }

    /// <summary>The counters of consecutive blocks, in the order of lanes that <see cref="Store"/> expects.</summary>
    static abstract TVector Counters(ulong first);

    static abstract TVector Broadcast(ulong value);

    /// <summary>The products of the lower halves.</summary>
    static abstract TVector Multiply(TVector x, TVector y);

    static abstract TVector UpperHalf(TVector x);

    static abstract TVector Xor(TVector x, TVector y, TVector z);

    /// <summary>Writes the words of all blocks, in their order.</summary>
    static abstract void Store(TVector x, TVector y, TVector z, TVector w, uint* words);
}

/// <summary>Eight blocks at once.</summary>
readonly unsafe struct PhiloxLanes512 : IPhiloxLanes<Vector512<ulong>>
{
    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    public static int Count => 8;

    public static Vector512<ulong> Counters(ulong first) => Vector512.Create(first) + Vector512.Create(0ul, 4, 1, 5, 2, 6, 3, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Broadcast(ulong value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Multiply(Vector512<ulong> x, Vector512<ulong> y) => Avx512F.Multiply(x.AsUInt32(), y.AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> UpperHalf(Vector512<ulong> x) => x >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Xor(Vector512<ulong> x, Vector512<ulong> y, Vector512<ulong> z) => x ^ y ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<ulong> x, Vector512<ulong> y, Vector512<ulong> z, Vector512<ulong> w, uint* words)
    {
        var lower = Vector512.Create(0xFFFFFFFFul);
        Vector512<ulong> xy = (x & lower) | (y << 32), zw = (z & lower) | (w << 32);
        Avx512F.UnpackLow(xy, zw).AsUInt32().Store(words);
        Avx512F.UnpackHigh(xy, zw).AsUInt32().Store(words + 16);
    }
}

/// <summary>Four blocks at once.</summary>
readonly unsafe struct PhiloxLanes256 : IPhiloxLanes<Vector256<ulong>>
{
    public static bool IsSupported => Avx2.IsSupported;

    public static int Count => 4;

    public static Vector256<ulong> Counters(ulong first) => Vector256.Create(first) + Vector256.Create(0ul, 2, 1, 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Broadcast(ulong value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Multiply(Vector256<ulong> x, Vector256<ulong> y) => Avx2.Multiply(x.AsUInt32(), y.AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> UpperHalf(Vector256<ulong> x) => x >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> x, Vector256<ulong> y, Vector256<ulong> z) => x ^ y ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<ulong> x, Vector256<ulong> y, Vector256<ulong> z, Vector256<ulong> w, uint* words)
    {
        var lower = Vector256.Create(0xFFFFFFFFul);
        Vector256<ulong> xy = (x & lower) | (y << 32), zw = (z & lower) | (w << 32);
        Avx2.UnpackLow(xy, zw).AsUInt32().Store(words);
        Avx2.UnpackHigh(xy, zw).AsUInt32().Store(words + 8);
    }
}

/// <summary>Two blocks at once: SSE2, which every x64 processor has, or NEON.</summary>
readonly unsafe struct PhiloxLanes128 : IPhiloxLanes<Vector128<ulong>>
{
    public static bool IsSupported => Sse2.IsSupported || AdvSimd.IsSupported;

    public static int Count => 2;

    public static Vector128<ulong> Counters(ulong first) => Vector128.Create(first) + Vector128.Create(0ul, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Broadcast(ulong value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Multiply(Vector128<ulong> x, Vector128<ulong> y) => Sse2.IsSupported
        ? Sse2.Multiply(x.AsUInt32(), y.AsUInt32())
        : AdvSimd.MultiplyWideningLower(AdvSimd.ExtractNarrowingLower(x), AdvSimd.ExtractNarrowingLower(y));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> UpperHalf(Vector128<ulong> x) => x >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> x, Vector128<ulong> y, Vector128<ulong> z) => x ^ y ^ z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<ulong> x, Vector128<ulong> y, Vector128<ulong> z, Vector128<ulong> w, uint* words)
    {
        var lower = Vector128.Create(0xFFFFFFFFul);
        Vector128<ulong> xy = (x & lower) | (y << 32), zw = (z & lower) | (w << 32);
        Vector128.Create(xy.GetLower(), zw.GetLower()).AsUInt32().Store(words);
        Vector128.Create(xy.GetUpper(), zw.GetUpper()).AsUInt32().Store(words + 4);
    }
}
