using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>Resizes rows of RGB pixels to another width: the first half of a resize.</summary>
sealed class HorizontalPass : IDisposable
{
    readonly ResampleFilter filter = new();
    readonly PixelGroups groups = new();
    bool grouped;

    /// <summary>Computes the weights, as <see cref="ResampleFilter.Prepare"/>.</summary>
    public void Prepare(int input, int output, int first, int count, Interpolation interpolation)
    {
        if (filter.Prepare(input, output, first, count, interpolation))
            grouped = PixelGroups.IsSupported && groups.TryPrepare(filter, count);
    }

    /// <summary>Resizes rows that lie <paramref name="stride"/> bytes apart, with some slack behind the last, to rows of
    /// <paramref name="targetStride"/> bytes, one behind the other.</summary>
    public void Run(ReadOnlySpan<byte> source, int stride, int rows, Span<byte> target, int targetStride)
    {
        bool pairs = Avx2.IsSupported && rows > 1;
        for (int y = 0; y < rows; y += pairs ? 2 : 1)
        {
            // The last two of an odd number of rows begin one earlier: a row that is written twice gets the same samples.
            int first = pairs ? Math.Min(y, rows - 2) : y;
            ReadOnlySpan<byte> from = source[(first * stride)..];
            Span<byte> to = target[(first * targetStride)..];
            if (pairs && grouped)
                groups.TwoRows(from, stride, to[..(2 * targetStride)], targetStride);
            else if (pairs)
                TwoRows(from, stride, to[..(2 * targetStride)], targetStride);
            else
                OneRow(from, to[..targetStride]);
        }
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        filter.Dispose();
        groups.Dispose();
        grouped = false;
    }

    /// <summary>Two rows at a time, two samples of each at a time: the sums of their products with the low and the high parts of
    /// the weights are exact modulo 2^32, hence the same as in one piece.</summary>
    void TwoRows(ReadOnlySpan<byte> source, int stride, Span<byte> target, int targetStride)
    {
        const byte no = 128;
        // A pixel's sample beside the next pixel's, as 16 bits each.
        Vector256<byte> order = Vector256.Create(Vector128.Create((byte)0, no, 3, no, 1, no, 4, no, 2, no, 5, no, no, no, no, no));
        Vector256<int> half = Vector256.Create(1 << (ResampleFilter.Bits - 1));
        ref byte upper = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(target);
        for (int x = 0, at = 0; at < targetStride; x++, at += 3)
        {
            ReadOnlySpan<int> weights = filter.Pairs(x);
            ref int weight = ref MemoryMarshal.GetReference(weights);
            // Sixteen bytes are loaded for the six of two pixels; behind every image lies some slack.
            ref byte pixel = ref Unsafe.Add(ref upper, filter.Start(x) * 3);
            Vector256<int> low = half, high = Vector256<int>.Zero;
            for (int j = 0; j < weights.Length; j += 2)
            {
                Vector256<byte> bytes = Vector256.Create(Vector128.LoadUnsafe(ref pixel), Vector128.LoadUnsafe(ref pixel, (nuint)stride));
                Vector256<short> samples = Avx2.Shuffle(bytes, order).AsInt16();
                low += Avx2.MultiplyAddAdjacent(samples, Vector256.Create(Unsafe.Add(ref weight, j)).AsInt16());
                high += Avx2.MultiplyAddAdjacent(samples, Vector256.Create(Unsafe.Add(ref weight, j + 1)).AsInt16());
                pixel = ref Unsafe.Add(ref pixel, 6);
            }
            Vector256<int> sum = (high << ResampleFilter.LowBits) + low >> ResampleFilter.Bits;
            Vector256<short> narrow = Avx2.PackSignedSaturate(sum, sum);
            Vector256<uint> result = Avx2.PackUnsignedSaturate(narrow, narrow).AsUInt32();
            Write(ref Unsafe.Add(ref to, at), result[0], at + 3 < targetStride);
            Write(ref Unsafe.Add(ref to, targetStride + at), result[4], at + 3 < targetStride);
        }
    }

    /// <summary>Writes the three samples of a pixel; four, if the next pixel will overwrite the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Write(ref byte target, uint samples, bool hasNext)
    {
        if (hasNext)
        {
            Unsafe.WriteUnaligned(ref target, samples);
            return;
        }
        Unsafe.WriteUnaligned(ref target, (ushort)samples);
        Unsafe.Add(ref target, 2) = (byte)(samples >> 16);
    }

    void OneRow(ReadOnlySpan<byte> source, Span<byte> target)
    {
        ref byte first = ref MemoryMarshal.GetReference(source);
        Vector128<int> half = Vector128.Create(1 << (ResampleFilter.Bits - 1));
        for (int x = 0, at = 0; at < target.Length; x++, at += 3)
        {
            ReadOnlySpan<int> weights = filter.Weights(x);
            // Four bytes are loaded for the three of a pixel; behind every image lies some slack.
            ref byte pixel = ref Unsafe.Add(ref first, filter.Start(x) * 3);
            Vector128<int> sum = half;
            for (int j = 0; j < weights.Length; j++)
                sum += Widen(ref Unsafe.Add(ref pixel, j * 3)) * weights[j];
            Vector128<int> value = sum >> ResampleFilter.Bits;
            value = Vector128.Min(Vector128.Max(value, Vector128<int>.Zero), Vector128.Create(255));
            target[at] = (byte)value[0];
            target[at + 1] = (byte)value[1];
            target[at + 2] = (byte)value[2];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Widen(ref byte pixel)
    {
        Vector128<byte> bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref pixel)).AsByte();
        return Sse41.IsSupported
            ? Sse41.ConvertToVector128Int32(bytes)
            : Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
    }
}
