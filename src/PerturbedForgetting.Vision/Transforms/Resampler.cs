using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>Resizes 8-bit RGB images exactly as Pillow does: first horizontally, rounded to bytes, then vertically; a
/// direction whose size does not change is skipped. Only the rows and columns that are needed are computed.</summary>
/// <remarks>Keeps its buffers and is not thread-safe: one for each worker.</remarks>
public sealed class Resampler : IDisposable
{
    readonly ResampleFilter horizontal = new();
    readonly ResampleFilter vertical = new();
    byte[] between = [];

    /// <summary>Resizes the part <paramref name="box"/> of an image, cut out first, to height x width, and writes the part
    /// <paramref name="window"/> of that, which must lie within it: window height x window width x 3 samples.</summary>
    public void Resize(
        RgbImage source, CropBox box, int height, int width, Interpolation filter, CropBox window, Span<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, window.Height * window.Width * 3);
        CheckInside(box, source.Height, source.Width);
        CheckInside(window, height, width);
        vertical.Prepare(box.Height, height, window.Top, window.Height, filter);
        bool scalesRows = box.Height != height, scalesColumns = box.Width != width;
        int begin = scalesRows ? vertical.InputBegin : window.Top;
        int end = scalesRows ? vertical.InputEnd : window.Top + window.Height;

        // The horizontal pass, or where there is none, the rows of the source themselves.
        ReadOnlySpan<byte> rows =
            source.Buffer.AsSpan((box.Top + begin) * source.Stride + (box.Left + (scalesColumns ? 0 : window.Left)) * 3);
        int stride = source.Stride;
        if (scalesColumns)
        {
            horizontal.Prepare(box.Width, width, window.Left, window.Width, filter);
            int targetStride = window.Width * 3;
            Span<byte> pass = target;
            if (scalesRows)
            {
                PooledBuffer.Ensure(ref between, (end - begin) * targetStride + RgbImage.Slack);
                pass = between;
            }
            HorizontalPass(rows, stride, end - begin, pass, targetStride);
            rows = pass;
            stride = targetStride;
        }
        if (scalesRows)
        {
            for (int y = 0; y < window.Height; y++)
                VerticalRow(rows[((vertical.Start(y) - begin) * stride)..], stride, vertical.Weights(y),
                    target.Slice(y * window.Width * 3, window.Width * 3));
        }
        else if (!scalesColumns)
        {
            for (int y = 0; y < window.Height; y++)
                rows.Slice(y * stride, window.Width * 3).CopyTo(target[(y * window.Width * 3)..]);
        }
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        horizontal.Dispose();
        vertical.Dispose();
        PooledBuffer.Release(ref between);
    }

    void HorizontalPass(ReadOnlySpan<byte> source, int stride, int rows, Span<byte> target, int targetStride)
    {
        bool pairs = Avx2.IsSupported && rows > 1;
        for (int y = 0; y < rows; y += pairs ? 2 : 1)
        {
            // The last two of an odd number of rows begin one earlier: a row that is written twice gets the same samples.
            int first = pairs ? Math.Min(y, rows - 2) : y;
            if (pairs)
                HorizontalRows(source[(first * stride)..], stride, target.Slice(first * targetStride, 2 * targetStride), targetStride);
            else
                HorizontalRow(source[(first * stride)..], target.Slice(first * targetStride, targetStride));
        }
    }

    /// <summary>Two rows at a time, two samples of each at a time: the sums of their products with the low and the high parts of
    /// the weights are exact modulo 2^32, hence the same as in one piece.</summary>
    void HorizontalRows(ReadOnlySpan<byte> source, int stride, Span<byte> target, int targetStride)
    {
        const byte no = 128;
        // A pixel's sample beside the next pixel's, as 16 bits each.
        Vector256<byte> order = Vector256.Create(Vector128.Create((byte)0, no, 3, no, 1, no, 4, no, 2, no, 5, no, no, no, no, no));
        Vector256<int> half = Vector256.Create(1 << (ResampleFilter.Bits - 1));
        ref byte upper = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(target);
        for (int x = 0, at = 0; at < targetStride; x++, at += 3)
        {
            ReadOnlySpan<int> weights = horizontal.Pairs(x);
            ref int weight = ref MemoryMarshal.GetReference(weights);
            // Sixteen bytes are loaded for the six of two pixels; behind every image lies some slack.
            ref byte pixel = ref Unsafe.Add(ref upper, horizontal.Start(x) * 3);
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

    void HorizontalRow(ReadOnlySpan<byte> source, Span<byte> target)
    {
        ref byte first = ref MemoryMarshal.GetReference(source);
        Vector128<int> half = Vector128.Create(1 << (ResampleFilter.Bits - 1));
        for (int x = 0, at = 0; at < target.Length; x++, at += 3)
        {
            ReadOnlySpan<int> weights = horizontal.Weights(x);
            // Four bytes are loaded for the three of a pixel; behind every image lies some slack.
            ref byte pixel = ref Unsafe.Add(ref first, horizontal.Start(x) * 3);
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

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void VerticalRow(ReadOnlySpan<byte> source, int stride, ReadOnlySpan<int> weights, Span<byte> target)
    {
        const int half = 1 << (ResampleFilter.Bits - 1);
        ref byte first = ref MemoryMarshal.GetReference(source);
        int x = Avx512F.IsSupported ? VerticalWide512(ref first, stride, weights, target) : 0;
        if (Avx2.IsSupported)
            x = VerticalWide(ref first, stride, weights, target, x);
        for (; x + 16 <= target.Length; x += 16)
        {
            Vector128<int> sum0 = Vector128.Create(half), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int j = 0; j < weights.Length; j++)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref first, (nuint)(j * stride + x));
                Vector128<int> weight = Vector128.Create(weights[j]);
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(bytes);
                sum0 += Vector128.WidenLower(low).AsInt32() * weight;
                sum1 += Vector128.WidenUpper(low).AsInt32() * weight;
                sum2 += Vector128.WidenLower(high).AsInt32() * weight;
                sum3 += Vector128.WidenUpper(high).AsInt32() * weight;
            }
            Vector128<ushort> left = Vector128.Narrow(Clip(sum0), Clip(sum1)), right = Vector128.Narrow(Clip(sum2), Clip(sum3));
            Vector128.Narrow(left, right).CopyTo(target[x..]);
        }
        for (; x < target.Length; x++)
        {
            int sum = half;
            for (int j = 0; j < weights.Length; j++)
                sum += source[j * stride + x] * weights[j];
            target[x] = (byte)Math.Clamp(sum >> ResampleFilter.Bits, 0, 255);
        }
    }

    /// <summary>Sixty-four samples at a time; returns how many are done.</summary>
    static int VerticalWide512(ref byte source, int stride, ReadOnlySpan<int> weights, Span<byte> target)
    {
        ref byte to = ref MemoryMarshal.GetReference(target);
        int x = 0;
        for (; x + 64 <= target.Length; x += 64)
        {
            Vector512<int> sum0 = Vector512.Create(1 << (ResampleFilter.Bits - 1)), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            ref byte row = ref Unsafe.Add(ref source, x);
            foreach (int w in weights)
            {
                Vector512<int> weight = Vector512.Create(w);
                sum0 += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref row)) * weight;
                sum1 += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref row, 16)) * weight;
                sum2 += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref row, 32)) * weight;
                sum3 += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref row, 48)) * weight;
                row = ref Unsafe.Add(ref row, stride);
            }
            Narrow(sum0).StoreUnsafe(ref to, (nuint)x);
            Narrow(sum1).StoreUnsafe(ref to, (nuint)x + 16);
            Narrow(sum2).StoreUnsafe(ref to, (nuint)x + 32);
            Narrow(sum3).StoreUnsafe(ref to, (nuint)x + 48);
        }
        return x;

        static Vector128<byte> Narrow(Vector512<int> sum) => Avx512F.ConvertToVector128ByteWithSaturation(
            Vector512.Max(sum >> ResampleFilter.Bits, Vector512<int>.Zero).AsUInt32());
    }

    /// <summary>Thirty-two samples at a time from <paramref name="x"/> on; returns how many are done.</summary>
    static int VerticalWide(ref byte source, int stride, ReadOnlySpan<int> weights, Span<byte> target, int x)
    {
        ref byte to = ref MemoryMarshal.GetReference(target);
        for (; x + 32 <= target.Length; x += 32)
        {
            Vector256<int> sum0 = Vector256.Create(1 << (ResampleFilter.Bits - 1)), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            ref byte row = ref Unsafe.Add(ref source, x);
            foreach (int w in weights)
            {
                Vector256<int> weight = Vector256.Create(w);
                sum0 += Widen8(ref row, 0) * weight;
                sum1 += Widen8(ref row, 8) * weight;
                sum2 += Widen8(ref row, 16) * weight;
                sum3 += Widen8(ref row, 24) * weight;
                row = ref Unsafe.Add(ref row, stride);
            }
            // Packing works on halves of 16 bytes: the order of groups of four is put right at the end.
            Vector256<short> left = Avx2.PackSignedSaturate(sum0 >> ResampleFilter.Bits, sum1 >> ResampleFilter.Bits);
            Vector256<short> right = Avx2.PackSignedSaturate(sum2 >> ResampleFilter.Bits, sum3 >> ResampleFilter.Bits);
            Vector256<int> groups = Avx2.PackUnsignedSaturate(left, right).AsInt32();
            Avx2.PermuteVar8x32(groups, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsByte().StoreUnsafe(ref to, (nuint)x);
        }
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Widen8(ref byte source, nuint at) =>
        Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, at))).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<int> Widen(ref byte pixel)
    {
        Vector128<byte> bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(ref pixel)).AsByte();
        return Sse41.IsSupported
            ? Sse41.ConvertToVector128Int32(bytes)
            : Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Clip(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> ResampleFilter.Bits, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();

    static void CheckInside(CropBox box, int height, int width)
    {
        if (box.Top < 0 || box.Left < 0 || box.Height < 1 || box.Width < 1 || box.Height > height - box.Top || box.Width > width - box.Left)
            throw new ArgumentException($"{box} does not lie within {height} x {width} pixels.");
    }
}
