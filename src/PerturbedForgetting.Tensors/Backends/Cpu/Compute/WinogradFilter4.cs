using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// F(4, 3) and F(3, 4), six multiplications: polynomials are evaluated at 0, ±5/8, ±3/2 and infinity, of the small fractions those with the
/// least error, half that of the usual 0, ±1, ±2; every number here is a float exactly but for those of the taps.
/// </summary>
readonly struct WinogradFilter4<TSimd, TVector, T> : IWinogradFilter<TVector>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Side => 4;

    // The two numbers that stand beside 0 and infinity with both signs, their squares and cubes.
    const double A = 0.625, A2 = A * A, A3 = A2 * A, B = 1.5, B2 = B * B, B3 = B2 * B;

    // Products of the differences of a point to the others.
    const double F0 = A2 * B2, FA = 2 * A2 * (A2 - B2), FB = 2 * B2 * (B2 - A2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(ref TVector d0, ref TVector d1, ref TVector d2, ref TVector d3, ref TVector d4, ref TVector d5)
    {
        TVector evenA = Add(d4, -B2, d2), oddA = Add(d3, -B2, d1), evenB = Add(d4, -A2, d2), oddB = Add(d3, -A2, d1);
        d0 = Add(Add(d4, -(A2 + B2), d2), A2 * B2, d0);
        d5 = Add(Add(d5, -(A2 + B2), d3), A2 * B2, d1);
        d1 = Add(evenA, A, oddA);
        d2 = Add(evenA, -A, oddA);
        d3 = Add(evenB, B, oddB);
        d4 = Add(evenB, -B, oddB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Taps(TVector g0, TVector g1, TVector g2,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector evenA = Add(Times(1 / FA, g0), A2 / FA, g2), evenB = Add(Times(1 / FB, g0), B2 / FB, g2);
        u0 = Times(1 / F0, g0);
        u1 = Add(evenA, A / FA, g1);
        u2 = Add(evenA, -A / FA, g1);
        u3 = Add(evenB, B / FB, g1);
        u4 = Add(evenB, -B / FB, g1);
        u5 = g2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Outputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3)
    {
        TVector sumA = TSimd.Add(m1, m2), sumB = TSimd.Add(m3, m4);
        TVector differenceA = TSimd.Subtract(m1, m2), differenceB = TSimd.Subtract(m3, m4);
        y0 = TSimd.Add(TSimd.Add(m0, sumA), sumB);
        y1 = Add(Times(A, differenceA), B, differenceB);
        y2 = Add(Times(A2, sumA), B2, sumB);
        y3 = Add(Add(m5, A3, differenceA), B3, differenceB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ManyTaps(TVector g0, TVector g1, TVector g2, TVector g3,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector evenA = Add(Times(1 / FA, g0), A2 / FA, g2), evenB = Add(Times(1 / FB, g0), B2 / FB, g2);
        TVector oddA = Add(Times(A / FA, g1), A3 / FA, g3), oddB = Add(Times(B / FB, g1), B3 / FB, g3);
        u0 = Times(1 / F0, g0);
        u1 = TSimd.Add(evenA, oddA);
        u2 = TSimd.Subtract(evenA, oddA);
        u3 = TSimd.Add(evenB, oddB);
        u4 = TSimd.Subtract(evenB, oddB);
        u5 = g3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThreeOutputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2)
    {
        TVector sumA = TSimd.Add(m1, m2), sumB = TSimd.Add(m3, m4);
        y0 = TSimd.Add(TSimd.Add(m0, sumA), sumB);
        y1 = Add(Times(A, TSimd.Subtract(m1, m2)), B, TSimd.Subtract(m3, m4));
        y2 = Add(Add(m5, A2, sumA), B2, sumB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Add(TVector sum, double factor, TVector x) =>
        TSimd.MultiplyAdd(TSimd.Broadcast(T.CreateTruncating(factor)), x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TVector Times(double factor, TVector x) => TSimd.Multiply(TSimd.Broadcast(T.CreateTruncating(factor)), x);
}
