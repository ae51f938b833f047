using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Chroma upsampling by libjpeg's rules: "fancy" (weights 3/4 and 1/4, roundings alternating) for factors of two,
/// replication otherwise.</summary>
static class Upsampling
{
    /// <summary>Writes the needed samples of image row <paramref name="y"/> at full horizontal resolution, each at its column.</summary>
    /// <param name="component">The component to read.</param>
    /// <param name="y">Row of the image.</param>
    /// <param name="maxH">The frame's largest horizontal sampling factor.</param>
    /// <param name="maxV">The frame's largest vertical sampling factor.</param>
    /// <param name="sums">Scratch, at least the component's stride + <see cref="RgbImage.Slack"/> long.</param>
    /// <param name="target">The row, at least the component's stride x the horizontal factor + <see cref="RgbImage.Slack"/> long.</param>
    public static void Row(JpegComponent component, int y, int maxH, int maxV, Span<ushort> sums, Span<byte> target)
    {
        int horizontal = maxH / component.H, vertical = maxV / component.V;
        bool smooth = component.Width > 2;
        int row = y / vertical, begin = component.Columns.Begin, end = Math.Min(component.Columns.End, component.Width);
        ReadOnlySpan<byte> near = Source(component, row);
        target = target[(begin * horizontal)..];
        if (horizontal == 1 && vertical == 1)
        {
            near[..(end - begin)].CopyTo(target);
        }
        else if (horizontal == 2 && vertical == 1 && smooth)
        {
            Widen(near, sums[1..], end - begin);
            Horizontal(sums, end - begin, evenBias: 1, oddBias: 2, shift: 2, target);
        }
        else if (horizontal <= 2 && vertical == 2 && (smooth || horizontal == 1))
        {
            bool upper = (y & 1) == 0;
            ReadOnlySpan<byte> far = Source(component, Math.Clamp(upper ? row - 1 : row + 1, 0, component.Height - 1));
            Vertical(near, far, sums[1..], end - begin);
            if (horizontal == 1)
                Narrow(sums.Slice(1, end - begin), upper ? 1 : 2, target);
            else
                Horizontal(sums, end - begin, evenBias: 8, oddBias: 7, shift: 4, target);
        }
        else
        {
            for (int x = 0; x < end - begin; x++)
                target.Slice(x * horizontal, horizontal).Fill(near[x]);
        }
    }

    /// <summary>The needed samples of a row, and what lies behind them.</summary>
    static ReadOnlySpan<byte> Source(JpegComponent component, int row) =>
        component.Plane.AsSpan(row * component.Stride + component.Columns.Begin);

    static void Widen(ReadOnlySpan<byte> near, Span<ushort> sums, int width)
    {
        for (int x = 0; x < width; x += 16)
            Load(near, x).CopyTo(sums[x..]);
    }

    /// <summary>3 near + far.</summary>
    static void Vertical(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, Span<ushort> sums, int width)
    {
        for (int x = 0; x < width; x += 16)
        {
            Vector256<ushort> n = Load(near, x);
            (n + n + n + Load(far, x)).CopyTo(sums[x..]);
        }
    }

    static void Narrow(ReadOnlySpan<ushort> sums, int bias, Span<byte> target)
    {
        for (int x = 0; x < sums.Length; x++)
            target[x] = (byte)(sums[x] + bias >> 2);
    }

    /// <summary>Two samples for one: 3 parts of it, 1 part of its left or right neighbour. <paramref name="sums"/> holds the
    /// row from its second element on. At the ends the neighbour is the sample itself, which gives libjpeg's special cases
    /// where the row ends, and a sample that nobody needs where only the needed part does.</summary>
    static void Horizontal(Span<ushort> sums, int width, int evenBias, int oddBias, int shift, Span<byte> target)
    {
        sums[0] = sums[1];
        sums[width + 1] = sums[width];
        Span<ushort> pairs = MemoryMarshal.Cast<byte, ushort>(target);
        Vector256<ushort> even = Vector256.Create((ushort)evenBias), odd = Vector256.Create((ushort)oddBias);
        for (int x = 0; x < width; x += 16)
        {
            Vector256<ushort> left = Vector256.Create<ushort>(sums[x..]), here = Vector256.Create<ushort>(sums[(x + 1)..]);
            Vector256<ushort> right = Vector256.Create<ushort>(sums[(x + 2)..]), three = here + here + here;
            Vector256<ushort> pair = ((three + left + even) >>> shift) | (((three + right + odd) >>> shift) << 8);
            pair.CopyTo(pairs[x..]);
        }
    }

    static Vector256<ushort> Load(ReadOnlySpan<byte> source, int at) =>
        Vector256.WidenLower(Vector128.Create(source[at..]).ToVector256Unsafe());
}
