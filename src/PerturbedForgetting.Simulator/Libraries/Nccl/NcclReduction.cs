using System.Numerics;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>Reduces values in the order of the ranks, in their own type; a mean as the real library makes it: of floating-point numbers
/// each is multiplied by 1/N first, of integers the sum is divided. The largest and the smallest pass over NaN.</summary>
static class NcclReduction
{
    /// <summary>Whether there is one for values of a type.</summary>
    public static bool Knows(NcclDataType type) => type is NcclDataType.UInt8 or NcclDataType.Int32 or NcclDataType.Int64
        or NcclDataType.Float32 or NcclDataType.Float64 or NcclDataType.BFloat16;

    /// <summary>Reduces.</summary>
    /// <param name="parts">By rank: bytes of the values behind so many others.</param>
    /// <param name="offset">Bytes before the values.</param>
    /// <param name="type">Their type.</param>
    /// <param name="operation">What is made.</param>
    public static byte[] Of(byte[][] parts, int offset, NcclDataType type, NcclOperation operation)
    {
        byte[] result = parts[0].AsSpan(offset).ToArray();
        switch (type)
        {
            case NcclDataType.UInt8: Reduce<byte>(result, parts, offset, operation); break;
            case NcclDataType.Int32: Reduce<int>(result, parts, offset, operation); break;
            case NcclDataType.Int64: Reduce<long>(result, parts, offset, operation); break;
            case NcclDataType.Float32: Reduce<float>(result, parts, offset, operation); break;
            case NcclDataType.Float64: Reduce<double>(result, parts, offset, operation); break;
            case NcclDataType.BFloat16: ReduceBFloat16(result, parts, offset, operation); break;
            default: throw new NotSupportedException(type.ToString());
        }
        return result;
    }

    static void Reduce<T>(byte[] result, byte[][] parts, int offset, NcclOperation operation) where T : unmanaged, INumber<T>
    {
        Span<T> sum = MemoryMarshal.Cast<byte, T>(result.AsSpan());
        T size = T.CreateChecked(parts.Length);
        bool isFloating = typeof(T) == typeof(float) || typeof(T) == typeof(double);
        if (operation == NcclOperation.Average && isFloating)
        {
            T factor = T.One / size;
            for (int i = 0; i < sum.Length; i++)
                sum[i] *= factor;
            foreach (byte[] part in parts.Skip(1))
                Combine<T, ScaledSum<T>>(sum, MemoryMarshal.Cast<byte, T>(part.AsSpan(offset)), new(factor));
            return;
        }
        foreach (byte[] part in parts.Skip(1))
        {
            ReadOnlySpan<T> next = MemoryMarshal.Cast<byte, T>(part.AsSpan(offset));
            switch (operation)
            {
                case NcclOperation.Product: Combine<T, Product<T>>(sum, next, default); break;
                case NcclOperation.Max: Combine<T, Max<T>>(sum, next, default); break;
                case NcclOperation.Min: Combine<T, Min<T>>(sum, next, default); break;
                default: Combine<T, Sum<T>>(sum, next, default); break;
            }
        }
        if (operation == NcclOperation.Average)
        {
            for (int i = 0; i < sum.Length; i++)
                sum[i] /= size;
        }
    }

    // After each addition the sum is rounded, as on a GPU.
    static void ReduceBFloat16(byte[] result, byte[][] parts, int offset, NcclOperation operation)
    {
        Span<ushort> sum = MemoryMarshal.Cast<byte, ushort>(result.AsSpan());
        float factor = operation == NcclOperation.Average ? Float(Round(1f / parts.Length)) : 1;
        for (int i = 0; i < sum.Length; i++)
        {
            float value = operation == NcclOperation.Average ? Float(Round(Float(sum[i]) * factor)) : Float(sum[i]);
            for (int rank = 1; rank < parts.Length; rank++)
            {
                float next = Float(MemoryMarshal.Cast<byte, ushort>(parts[rank].AsSpan(offset))[i]);
                value = Float(Round(operation switch
                {
                    NcclOperation.Average => value + Float(Round(next * factor)),
                    NcclOperation.Product => value * next,
                    NcclOperation.Max => float.MaxNumber(value, next),
                    NcclOperation.Min => float.MinNumber(value, next),
                    _ => value + next,
                }));
            }
            sum[i] = Round(value);
        }
    }

    static float Float(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    // To the nearest, ties to even.
    static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    static void Combine<T, TRule>(Span<T> sum, ReadOnlySpan<T> next, TRule rule) where TRule : struct, IRule<T>
    {
        for (int i = 0; i < sum.Length; i++)
            sum[i] = rule.Of(sum[i], next[i]);
    }

    interface IRule<T>
    {
        T Of(T a, T b);
    }

    readonly struct Sum<T> : IRule<T> where T : INumber<T>
    {
        public T Of(T a, T b) => a + b;
    }

    readonly struct ScaledSum<T>(T factor) : IRule<T> where T : INumber<T>
    {
        public T Of(T a, T b) => a + (b * factor);
    }

    readonly struct Product<T> : IRule<T> where T : INumber<T>
    {
        public T Of(T a, T b) => a * b;
    }

    readonly struct Max<T> : IRule<T> where T : INumber<T>
    {
        public T Of(T a, T b) => T.MaxNumber(a, b);
    }

    readonly struct Min<T> : IRule<T> where T : INumber<T>
    {
        public T Of(T a, T b) => T.MinNumber(a, b);
    }
}
