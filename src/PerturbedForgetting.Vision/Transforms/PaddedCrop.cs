using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The usual training transform for small images: zeros around the image, a random part of the input's size, and a
/// mirror image with a given probability. An image of another size is resized to the input's first.</summary>
/// <param name="height">Output height in pixels.</param>
/// <param name="width">Output width in pixels.</param>
/// <param name="padding">Pixels of zeros on each side.</param>
/// <param name="flip">Probability of mirroring.</param>
public sealed class PaddedCrop(int height, int width, int padding = 4, double flip = 0.5) : ImageTransform(height, width)
{
    /// <summary>Pixels of zeros on each side.</summary>
    public int Padding { get; } = padding >= 0 ? padding
        : throw new ArgumentOutOfRangeException(nameof(padding), padding, "The padding of a crop is not negative.");

    /// <summary>Probability of mirroring.</summary>
    public double Flip { get; } = flip is >= 0 and <= 1 ? flip
        : throw new ArgumentOutOfRangeException(nameof(flip), flip, $"The probability of a flip (`{nameof(flip)}`) lies in 0 to 1.");

    /// <inheritdoc/>
    public override bool ApplyUnflipped(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target)
    {
        int top = random.NextInt(2 * Padding + 1) - Padding, left = random.NextInt(2 * Padding + 1) - Padding;
        bool flip = random.NextDouble() < Flip;
        if (image.Width != Width || image.Height != Height)
        {
            resampler.Resize(image, CropBox.Whole(image.Width, image.Height), Height, Width, Interpolation.Bilinear, target);
            image.Resize(Width, Height);
            target.CopyTo(image.Pixels);
        }
        Shift(image, top, left, target);
        return flip;
    }

    void Shift(RgbImage image, int top, int left, Span<byte> target)
    {
        target.Clear();
        int width = Width - Math.Min(Math.Abs(left), Width);
        int from = Math.Max(left, 0) * 3, to = Math.Max(-left, 0) * 3, stride = Width * 3;
        if (width == 0)
            return;
        for (int y = Math.Max(0, -top); y < Math.Min(Height, Height - top); y++)
            image.Row(y + top).Slice(from, width * 3).CopyTo(target[(y * stride + to)..]);
    }
}
