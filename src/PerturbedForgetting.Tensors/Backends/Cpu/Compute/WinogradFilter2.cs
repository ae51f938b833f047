using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// F(2, 3) and F(3, 2), four multiplications: polynomials are evaluated at 0, 1, -1 and infinity. No number but 1 and a half, so that
/// sums alone are rounded.
/// </summary>
readonly struct WinogradFilter2<TSimd, TVector, T> : IWinogradFilter<TVector>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Side => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(ref TVector d0, ref TVector d1, ref TVector d2, ref TVector d3, ref TVector d4, ref TVector d5)
    {
        TVector sum = TSimd.Add(d1, d2);
        d0 = TSimd.Subtract(d0, d2);
        d3 = TSimd.Subtract(d3, d1);
        d2 = TSimd.Subtract(d2, d1);
        d1 = sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Taps(TVector g0, TVector g1, TVector g2,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector half = TSimd.Broadcast(T.CreateTruncating(0.5)), even = TSimd.Add(g0, g2);
        (u0, u3, u4, u5) = (g0, g2, default, default);
        u1 = TSimd.Multiply(half, TSimd.Add(even, g1));
        u2 = TSimd.Multiply(half, TSimd.Subtract(even, g1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Outputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3)
    {
        y0 = TSimd.Add(m0, TSimd.Add(m1, m2));
        y1 = TSimd.Add(m3, TSimd.Subtract(m1, m2));
        (y2, y3) = (default, default);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ManyTaps(TVector g0, TVector g1, TVector g2, TVector g3,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector half = TSimd.Broadcast(T.CreateTruncating(0.5));
        (u0, u3, u4, u5) = (g0, g1, default, default);
        u1 = TSimd.Multiply(half, TSimd.Add(g0, g1));
        u2 = TSimd.Multiply(half, TSimd.Subtract(g0, g1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThreeOutputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2)
    {
        TVector sum = TSimd.Add(m1, m2);
        y0 = TSimd.Add(m0, sum);
        y1 = TSimd.Subtract(m1, m2);
        y2 = TSimd.Add(m3, sum);
    }
}
