using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>A rectangle in pixels, named as the reference does: top i, left j, height h, width w.</summary>
public readonly record struct CropBox(int Top, int Left, int Height, int Width);

/// <summary>Resizes 8-bit RGB images exactly as Pillow does: first horizontally, rounded to bytes, then vertically; a
/// direction whose size does not change is skipped. Only the rows and columns that are needed are computed.</summary>
/// <remarks>Keeps its buffers and is not thread-safe: one for each worker.</remarks>
public sealed class Resampler : IDisposable
{
    readonly ResampleFilter horizontal = new();
    readonly ResampleFilter vertical = new();
    byte[] between = [];

    /// <summary>Resizes the part <paramref name="box"/> of an image, cut out first, to height x width, and writes
    /// height x width x 3 samples.</summary>
    public void Resize(RgbImage source, CropBox box, int height, int width, Interpolation filter, Span<byte> target) =>
        Resize(source, box, height, width, filter, new CropBox(0, 0, height, width), target);

    /// <summary>As the other overload, but writes only the part <paramref name="window"/> of the resized image, which must
    /// lie within it: window height x window width x 3 samples.</summary>
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
        ReadOnlySpan<byte> rows = source.Buffer.AsSpan((box.Top + begin) * source.Stride + (box.Left + (scalesColumns ? 0 : window.Left)) * 3);
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
            for (int y = 0; y < end - begin; y++)
                HorizontalRow(rows[(y * stride)..], pass.Slice(y * targetStride, targetStride));
            rows = pass;
            stride = targetStride;
        }
        if (scalesRows)
        {
            for (int y = 0; y < window.Height; y++)
                VerticalRow(rows[((vertical.Start(y) - begin) * stride)..], stride, vertical.Weights(y), target.Slice(y * window.Width * 3, window.Width * 3));
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

    static void VerticalRow(ReadOnlySpan<byte> source, int stride, ReadOnlySpan<int> weights, Span<byte> target)
    {
        const int half = 1 << (ResampleFilter.Bits - 1);
        ref byte first = ref MemoryMarshal.GetReference(source);
        int x = 0;
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
