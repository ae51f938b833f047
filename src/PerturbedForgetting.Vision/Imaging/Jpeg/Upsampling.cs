namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Chroma upsampling by libjpeg's rules: "fancy" (weights 3/4 and 1/4, roundings alternating) for factors of two,
/// replication otherwise.</summary>
static class Upsampling
{
    /// <summary>Writes the samples of image row <paramref name="y"/> at full horizontal resolution.</summary>
    public static void Row(JpegComponent component, int y, int maxH, int maxV, Span<byte> target)
    {
        int horizontal = maxH / component.H, vertical = maxV / component.V;
        bool smooth = component.Width > 2;
        int row = y / vertical;
        ReadOnlySpan<byte> near = Source(component, row);
        if (horizontal == 1 && vertical == 1)
        {
            near.CopyTo(target);
        }
        else if (horizontal == 2 && vertical == 1 && smooth)
        {
            Horizontal(near, target);
        }
        else if (horizontal <= 2 && vertical == 2 && (smooth || horizontal == 1))
        {
            bool upper = (y & 1) == 0;
            ReadOnlySpan<byte> far = Source(component, Math.Clamp(upper ? row - 1 : row + 1, 0, component.Height - 1));
            if (horizontal == 1)
                Vertical(near, far, upper ? 1 : 2, target);
            else
                Both(near, far, target);
        }
        else
        {
            for (int x = 0; x < near.Length; x++)
                target.Slice(x * horizontal, horizontal).Fill(near[x]);
        }
    }

    static ReadOnlySpan<byte> Source(JpegComponent component, int row) =>
        component.Plane.AsSpan(row * component.Stride, component.Width);

    static void Horizontal(ReadOnlySpan<byte> near, Span<byte> target)
    {
        int last = near.Length - 1;
        target = target[..(2 * near.Length)];
        for (int x = 1; x < last; x++)
        {
            int three = near[x] * 3;
            target[2 * x] = (byte)(three + near[x - 1] + 1 >> 2);
            target[2 * x + 1] = (byte)(three + near[x + 1] + 2 >> 2);
        }
        target[0] = near[0];
        target[1] = (byte)(near[0] * 3 + near[1] + 2 >> 2);
        target[2 * last] = (byte)(near[last] * 3 + near[last - 1] + 1 >> 2);
        target[2 * last + 1] = near[last];
    }

    static void Vertical(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, int bias, Span<byte> target)
    {
        for (int x = 0; x < near.Length; x++)
            target[x] = (byte)(near[x] * 3 + far[x] + bias >> 2);
    }

    static void Both(ReadOnlySpan<byte> near, ReadOnlySpan<byte> far, Span<byte> target)
    {
        far = far[..near.Length];
        target = target[..(2 * near.Length)];
        int current = near[0] * 3 + far[0], previous = current;
        for (int x = 0; x < near.Length - 1; x++)
        {
            int next = near[x + 1] * 3 + far[x + 1];
            target[2 * x] = (byte)(current * 3 + previous + 8 >> 4);
            target[2 * x + 1] = (byte)(current * 3 + next + 7 >> 4);
            (previous, current) = (current, next);
        }
        target[^2] = (byte)(current * 3 + previous + 8 >> 4);
        target[^1] = (byte)(current * 4 + 7 >> 4);
    }
}
