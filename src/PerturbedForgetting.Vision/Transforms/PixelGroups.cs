using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The horizontal pass on processors that permute 64 bytes (AVX-512 VBMI): five pixels at a time, fifteen samples in the lanes
/// of a vector. The inputs of all five lie within 64 bytes of a row; two taps of each lane are taken from there at a time.</summary>
/// <remarks>The sums are those of <see cref="HorizontalPass"/>, exact.</remarks>
sealed class PixelGroups : IDisposable
{
    const int Pixels = 5, Channels = 3, GroupBytes = Pixels * Channels, Lanes = 16, Reach = 64;

    // A group has an order of bytes, then for each two taps the low and the high parts of its lanes' weights.
    int[] tables = [];
    int[] starts = [];
    int[] pairCounts = [];
    int groupSize;

    /// <summary>Whether the processor can.</summary>
    public static bool IsSupported => Avx512Vbmi.IsSupported && Avx512BW.IsSupported;

    /// <summary>Arranges the weights of a filter.</summary>
    /// <returns>Whether there are five pixels, and the inputs of every five lie near enough to each other: those of a filter that shrinks
    /// more than 4.8 times do not.</returns>
    public bool TryPrepare(ResampleFilter filter, int outputs)
    {
        int count = (outputs + Pixels - 1) / Pixels;
        for (int group = 0; group < count; group++)
        {
            int first = First(group, outputs);
            if (first < 0 || (filter.Start(first + Pixels - 1) - filter.Start(first) + 2) * Channels > Reach)
                return false;
        }
        groupSize = Lanes + filter.MostPairs * 2 * Lanes;
        PooledBuffer.Ensure(ref tables, count * groupSize);
        PooledBuffer.Ensure(ref starts, count);
        PooledBuffer.Ensure(ref pairCounts, count);
        tables.AsSpan(0, count * groupSize).Clear();
        for (int group = 0; group < count; group++)
        {
            int first = First(group, outputs), begin = filter.Start(first), pairs = 0;
            Span<int> table = tables.AsSpan(group * groupSize, groupSize);
            for (int pixel = 0; pixel < Pixels; pixel++)
            {
                ReadOnlySpan<int> weights = filter.Pairs(first + pixel);
                pairs = Math.Max(pairs, weights.Length / 2);
                Arrange(table[(pixel * Channels)..], (filter.Start(first + pixel) - begin) * Channels, weights);
            }
            (starts[group], pairCounts[group]) = (begin * Channels, pairs);
        }
        return true;
    }

    /// <summary>The first pixel of a group; the last group may share pixels with the one before.</summary>
    static int First(int group, int outputs) => Math.Min(group * Pixels, outputs - Pixels);

    /// <summary>The lanes of one pixel.</summary>
    static void Arrange(Span<int> table, int at, ReadOnlySpan<int> weights)
    {
        for (int channel = 0; channel < Channels; channel++)
        {
            // The bytes of a tap and of the next one, each below a byte that will be a zero.
            table[channel] = at + channel | at + channel + Channels << 16;
            for (int j = 0; j < weights.Length; j++)
                table[Lanes + j * Lanes + channel] = weights[j];
        }
    }

    /// <summary>Resizes two rows.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void TwoRows(ReadOnlySpan<byte> source, int stride, Span<byte> target, int targetStride)
    {
        Vector512<byte> samplesOnly = Vector512.Create(0x00FF00FF).AsByte();
        Vector512<int> half = Vector512.Create(1 << (ResampleFilter.Bits - 1));
        ref byte upper = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(target);
        ref int table = ref MemoryMarshal.GetArrayDataReference(tables);
        ref int start = ref MemoryMarshal.GetArrayDataReference(starts);
        ref int pairCount = ref MemoryMarshal.GetArrayDataReference(pairCounts);
        for (int at = 0; at < targetStride; at += GroupBytes)
        {
            ref byte from = ref Unsafe.Add(ref upper, start);
            ref int weights = ref Unsafe.Add(ref table, Lanes);
            Vector512<byte> order = Vector512.LoadUnsafe(ref table).AsByte();
            Vector512<int> upperLow = half, upperHigh = Vector512<int>.Zero, lowerLow = half, lowerHigh = Vector512<int>.Zero;
            for (int pair = pairCount; pair > 0; pair--)
            {
                Vector512<short> low = Vector512.LoadUnsafe(ref weights).AsInt16();
                Vector512<short> high = Vector512.LoadUnsafe(ref weights, Lanes).AsInt16();
                // Behind every image lies some slack.
                Vector512<short> samples = (Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref from), order) & samplesOnly).AsInt16();
                upperLow += Avx512BW.MultiplyAddAdjacent(samples, low);
                upperHigh += Avx512BW.MultiplyAddAdjacent(samples, high);
                samples = (Avx512Vbmi.PermuteVar64x8(Vector512.LoadUnsafe(ref from, (nuint)stride), order) & samplesOnly).AsInt16();
                lowerLow += Avx512BW.MultiplyAddAdjacent(samples, low);
                lowerHigh += Avx512BW.MultiplyAddAdjacent(samples, high);
                from = ref Unsafe.Add(ref from, 2 * Channels);
                weights = ref Unsafe.Add(ref weights, 2 * Lanes);
            }
            ref byte result = ref Unsafe.Add(ref to, Math.Min(at, targetStride - GroupBytes));
            Write(ref result, upperLow, upperHigh);
            Write(ref Unsafe.Add(ref result, targetStride), lowerLow, lowerHigh);
            table = ref Unsafe.Add(ref table, groupSize);
            start = ref Unsafe.Add(ref start, 1);
            pairCount = ref Unsafe.Add(ref pairCount, 1);
        }
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        PooledBuffer.Release(ref tables);
        PooledBuffer.Release(ref starts);
        PooledBuffer.Release(ref pairCounts);
    }

    /// <summary>Writes a group's samples, eight and the last eight of fifteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Write(ref byte target, Vector512<int> low, Vector512<int> high)
    {
        Vector512<int> sum = (high << ResampleFilter.LowBits) + low >> ResampleFilter.Bits;
        Vector128<byte> samples = Avx512F.ConvertToVector128ByteWithSaturation(Vector512.Max(sum, Vector512<int>.Zero).AsUInt32());
        const int behind = GroupBytes - sizeof(ulong);
        Unsafe.WriteUnaligned(ref target, samples.AsUInt64()[0]);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, behind), Sse2.ShiftRightLogical128BitLane(samples, behind).AsUInt64()[0]);
    }
}
