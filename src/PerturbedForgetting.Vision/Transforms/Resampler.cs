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
    readonly HorizontalPass horizontal = new();
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
            horizontal.Run(rows, stride, end - begin, pass, targetStride);
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
    static Vector128<uint> Clip(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> ResampleFilter.Bits, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();

    static void CheckInside(CropBox box, int height, int width)
    {
        if (box.Top < 0 || box.Left < 0 || box.Height < 1 || box.Width < 1 || box.Height > height - box.Top || box.Width > width - box.Left)
            throw new ArgumentException($"{box} does not lie within {height} x {width} pixels.");
    }
}
