using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>Turns a decoded image into a network's input: Height x Width x 3 bytes.</summary>
/// <remarks>Immutable, shared by all workers. All randomness comes from the sequence that is passed in.</remarks>
public abstract class ImageTransform(int height, int width)
{
    /// <summary>Height of the output in pixels.</summary>
    public int Height { get; } = height > 0 ? height : throw new ArgumentOutOfRangeException(nameof(height), height, "A transform's height is at least 1 pixel.");

    /// <summary>Width of the output in pixels.</summary>
    public int Width { get; } = width > 0 ? width : throw new ArgumentOutOfRangeException(nameof(width), width, "A transform's width is at least 1 pixel.");

    /// <summary>Bytes of an output: height x width x 3.</summary>
    public int OutputBytes => Height * Width * 3;

    /// <summary>The part of an image of this size that the transform reads, given the random numbers with which it will be
    /// applied: the rest need not be decoded.</summary>
    public virtual CropBox Region(int width, int height, RandomSequence random) => CropBox.Whole(width, height);

    /// <summary>Writes the transformed image to <paramref name="target"/>, <see cref="OutputBytes"/> long.</summary>
    public void Apply(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target)
    {
        if (ApplyUnflipped(image, resampler, ref random, target))
            FlipHorizontally(target, Width);
    }

    /// <summary>Writes the image transformed but for the mirroring that may come last: whoever normalises it does that on the way.</summary>
    /// <returns>Whether it is still to be mirrored left to right.</returns>
    public abstract bool ApplyUnflipped(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target);

    /// <summary>Mirrors an image of rows of <paramref name="width"/> pixels left to right, in place.</summary>
    public static void FlipHorizontally(Span<byte> pixels, int width)
    {
        int stride = width * 3;
        for (int row = 0; row < pixels.Length; row += stride)
        {
            for (int left = row, right = row + stride - 3; left < right; left += 3, right -= 3)
            {
                (pixels[left], pixels[right]) = (pixels[right], pixels[left]);
                (pixels[left + 1], pixels[right + 1]) = (pixels[right + 1], pixels[left + 1]);
                (pixels[left + 2], pixels[right + 2]) = (pixels[right + 2], pixels[left + 2]);
            }
        }
    }
}
