using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The usual training transform for small images: zeros around the image, a random part of the input's size, and a
/// mirror image with a given probability. An image of another size is resized to the input's first.</summary>
/// <param name="height">Output height in pixels.</param>
/// <param name="width">Output width in pixels.</param>
/// <param name="padding">Pixels of zeros on each side.</param>
/// <param name="flip">Probability of mirroring.</param>
public sealed class PaddedCrop(int height, int width, int padding = 4, double flip = 0.5)
    : ImageTransform(height, width, Interpolation.Bilinear)
{
    /// <summary>Pixels of zeros on each side.</summary>
    public int Padding { get; } = padding >= 0 ? padding
        : throw new ArgumentOutOfRangeException(nameof(padding), padding, "The padding of a crop is not negative.");

    /// <summary>Probability of mirroring.</summary>
    public double Flip { get; } = flip is >= 0 and <= 1 ? flip
        : throw new ArgumentOutOfRangeException(nameof(flip), flip, $"The probability of a flip (`{nameof(flip)}`) lies in 0 to 1.");

    /// <inheritdoc/>
    public override Crop Draw(int width, int height, ref RandomSequence random)
    {
        int top = random.NextInt(2 * Padding + 1) - Padding, left = random.NextInt(2 * Padding + 1) - Padding;
        return new Crop(CropBox.Whole(width, height), Height, Width, new CropBox(top, left, Height, Width), random.NextDouble() < Flip);
    }
}
