using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The evaluation transform of the reference: resize so that the input's size is the share
/// <see cref="CropShare"/> of the shorter side, then cut out the centre.</summary>
public sealed class EvalTransform : ImageTransform
{
    /// <summary>Creates the transform.</summary>
    /// <param name="height">Output height in pixels.</param>
    /// <param name="width">Output width in pixels.</param>
    /// <param name="cropShare">Share of the resized image that is kept (--crop-pct), 0 to 1, 0 excluded.</param>
    /// <param name="interpolation">Filter of the resize. For an input that is not square it is always bilinear.</param>
    public EvalTransform(int height, int width, double cropShare = 0.875, Interpolation interpolation = Interpolation.Bicubic)
        : base(height, width)
    {
        if (!(cropShare is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(cropShare), cropShare, "The share of the image that evaluation keeps (--crop-pct) lies in 0 to 1, 0 excluded.");
        CropShare = cropShare;
        Interpolation = height == width ? interpolation : Interpolation.Bilinear;
    }

    /// <summary>Share of the resized image that is kept.</summary>
    public double CropShare { get; }

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; }

    /// <inheritdoc/>
    public override bool ApplyUnflipped(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target)
    {
        Apply(image, resampler, target);
        return false;
    }

    /// <summary>Writes the transformed image; evaluation draws nothing.</summary>
    public void Apply(RgbImage image, Resampler resampler, Span<byte> target)
    {
        (int height, int width) = Height == Width ? ResizedSquare(image) : Resized(image);
        var window = new CropBox(CropOffset(height, Height), CropOffset(width, Width), Height, Width);
        if (window.Top < 0 || window.Left < 0)
            throw new InvalidOperationException($"An image of {image.Width} x {image.Height} pixels resized to {width} x {height} does not hold a crop of {Width} x {Height}.");
        resampler.Resize(image, new CropBox(0, 0, image.Height, image.Width), height, width, Interpolation, window, target);
    }

    /// <summary>Shorter side to floor(size / share), the other in proportion, cut off to an integer.</summary>
    (int Height, int Width) ResizedSquare(RgbImage image)
    {
        int shorter = (int)Math.Floor(Height / CropShare);
        if (Math.Min(image.Width, image.Height) == shorter)
            return (image.Height, image.Width);
        return image.Width <= image.Height
            ? ((int)((double)shorter * image.Height / image.Width), shorter)
            : (shorter, (int)((double)shorter * image.Width / image.Height));
    }

    /// <summary>Both sides divided by the smaller of the two scales, rounded half to even.</summary>
    (int Height, int Width) Resized(RgbImage image)
    {
        double scaleHeight = Math.Floor(Height / CropShare), scaleWidth = Math.Floor(Width / CropShare);
        double ratio = Math.Min(image.Height / scaleHeight, image.Width / scaleWidth);
        return ((int)Math.Round(image.Height / ratio), (int)Math.Round(image.Width / ratio));
    }

    static int CropOffset(int extent, int size) => (int)Math.Round((extent - size) / 2.0);
}
