using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>Numbers of 16 bits with the exponent of float32 and 8 bits of mantissa, one of them implied.</summary>
static class BFloat16
{
    const uint Half = 0x7fff, Quiet = 0x0040;

    /// <summary>The nearest of each value, of two the even one; a NaN stays a NaN.</summary>
    public static void Round(ReadOnlySpan<float> values, Span<ushort> rounded)
    {
        int i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
            Vector256.Narrow(Round(Vector256.Create(values[i..])), Round(Vector256.Create(values[(i + Vector256<float>.Count)..])))
                .CopyTo(rounded[i..]);
        for (; i < values.Length; i++)
            rounded[i] = Round(values[i]);
    }

    /// <summary>The values as float32, exactly.</summary>
    public static void Widen(ReadOnlySpan<ushort> values, Span<float> wide)
    {
        int i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            (Vector256<float> lower, Vector256<float> upper) = Widen(Vector256.Create(values[i..]));
            lower.CopyTo(wide[i..]);
            upper.CopyTo(wide[(i + Vector256<float>.Count)..]);
        }
        for (; i < values.Length; i++)
            wide[i] = Widen(values[i]);
    }

    /// <summary>Adds the values to sums of float32.</summary>
    public static void Add(ReadOnlySpan<ushort> values, Span<float> sums)
    {
        int i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            (Vector256<float> lower, Vector256<float> upper) = Widen(Vector256.Create(values[i..]));
            Span<float> first = sums[i..], second = sums[(i + Vector256<float>.Count)..];
            (Vector256.Create((ReadOnlySpan<float>)first) + lower).CopyTo(first);
            (Vector256.Create((ReadOnlySpan<float>)second) + upper).CopyTo(second);
        }
        for (; i < values.Length; i++)
            sums[i] += Widen(values[i]);
    }

    static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((float.IsNaN(value) ? bits | (Quiet << 16) : bits + Half + ((bits >> 16) & 1)) >> 16);
    }

    static float Widen(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    // The bits in the lower halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<uint> Round(Vector256<float> values)
    {
        Vector256<uint> bits = values.AsUInt32();
        Vector256<uint> near = bits + Vector256.Create(Half) + (Vector256.ShiftRightLogical(bits, 16) & Vector256<uint>.One);
        Vector256<uint> isNumber = Vector256.Equals(values, values).AsUInt32();
        return Vector256.ShiftRightLogical(Vector256.ConditionalSelect(isNumber, near, bits | Vector256.Create(Quiet << 16)), 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static (Vector256<float> Lower, Vector256<float> Upper) Widen(Vector256<ushort> values)
    {
        (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(values);
        return (Vector256.ShiftLeft(lower, 16).AsSingle(), Vector256.ShiftLeft(upper, 16).AsSingle());
    }
}
