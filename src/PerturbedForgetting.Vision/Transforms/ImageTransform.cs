using System.Runtime.Intrinsics;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>Turns a decoded image into a network's input: Height x Width x 3 bytes.</summary>
/// <remarks>Immutable, shared by all workers. All randomness comes from the sequence that is passed in.</remarks>
public abstract class ImageTransform(int height, int width, Interpolation interpolation)
{
    /// <summary>Height of the output in pixels.</summary>
    public int Height { get; } = height > 0
        ? height
        : throw new ArgumentOutOfRangeException(nameof(height), height, "A transform's height is at least 1 pixel.");

    /// <summary>Width of the output in pixels.</summary>
    public int Width { get; } = width > 0
        ? width
        : throw new ArgumentOutOfRangeException(nameof(width), width, "A transform's width is at least 1 pixel.");

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; } = interpolation;

    /// <summary>Bytes of an output: height x width x 3.</summary>
    public int OutputBytes => Height * Width * 3;

    /// <summary>Decides, and draws where it is random, what is done with an image of this size.</summary>
    public abstract Crop Draw(int width, int height, ref RandomSequence random);

    /// <summary>The part of the image that <see cref="Apply"/> reads: the rest need not be decoded.</summary>
    public virtual CropBox Region(Crop crop) => crop.Box;

    /// <summary>Writes the transformed image to <paramref name="target"/>, <see cref="OutputBytes"/> long, but for the mirroring that
    /// comes last: whoever normalises it does that on the way.</summary>
    public void Apply(Crop crop, RgbImage image, Resampler resampler, Span<byte> target)
    {
        CropBox window = crop.Window;
        int top = Math.Max(window.Top, 0), bottom = Math.Min(window.Top + Height, crop.Height);
        int left = Math.Max(window.Left, 0), right = Math.Min(window.Left + Width, crop.Width);
        if (top >= bottom || left >= right)
        {
            target.Clear();
            return;
        }
        var visible = new CropBox(top, left, bottom - top, right - left);
        resampler.Resize(image, crop.Box, crop.Height, crop.Width, Interpolation, visible, target[..(visible.Height * visible.Width * 3)]);
        if (visible != window)
            Pad(target, visible.Height, visible.Width * 3, top - window.Top, (left - window.Left) * 3);
    }

    /// <summary>Moves rows that lie one behind the other to their places in the output, the last one first, and writes zeros
    /// around them.</summary>
    void Pad(Span<byte> target, int rows, int bytes, int above, int before)
    {
        int stride = Width * 3;
        for (int y = rows - 1; y >= 0; y--)
        {
            Span<byte> row = target.Slice((above + y) * stride, stride);
            target.Slice(y * bytes, bytes).CopyTo(row[before..]);
            row[..before].Clear();
            row[(before + bytes)..].Clear();
        }
        target[..(above * stride)].Clear();
        target[((above + rows) * stride)..].Clear();
    }

    /// <summary>Mirrors an image of rows of <paramref name="width"/> pixels left to right, in place.</summary>
    public static void FlipHorizontally(Span<byte> pixels, int width)
    {
        int stride = width * 3;
        for (int row = 0; row < pixels.Length; row += stride)
            Mirror(pixels.Slice(row, stride));
    }

    /// <summary>Five pixels of either end at a time, and then one.</summary>
    static void Mirror(Span<byte> row)
    {
        // The sixteenth byte of a vector, of the pixel further in, stays.
        Vector128<byte> inLeft = Vector128.Create((byte)13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 16);
        Vector128<byte> inRight = Vector128.Create((byte)16, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
        Vector128<byte> last = Vector128.Create(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)255);
        Vector128<byte> first = Vector128.Create((byte)255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        int left = 0, right = row.Length;
        for (; right - left >= 2 * Vector128<byte>.Count; left += 15, right -= 15)
        {
            Span<byte> from = row[left..], to = row[(right - Vector128<byte>.Count)..];
            Vector128<byte> begin = Vector128.Create<byte>(from), end = Vector128.Create<byte>(to);
            (Vector128.Shuffle(end, inLeft) | (begin & last)).CopyTo(from);
            (Vector128.Shuffle(begin, inRight) | (end & first)).CopyTo(to);
        }
        for (right -= 3; left < right; left += 3, right -= 3)
        {
            (row[left], row[right]) = (row[right], row[left]);
            (row[left + 1], row[right + 1]) = (row[right + 1], row[left + 1]);
            (row[left + 2], row[right + 2]) = (row[right + 2], row[left + 2]);
        }
    }
}
