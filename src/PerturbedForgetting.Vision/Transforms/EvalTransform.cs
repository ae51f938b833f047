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
    /// <param name="cropShare">Share of the resized image that is kept, 0 to 1, 0 excluded.</param>
    /// <param name="interpolation">Filter of the resize. For an input that is not square it is always bilinear.</param>
    public EvalTransform(int height, int width, double cropShare = 0.875, Interpolation interpolation = Interpolation.Bicubic)
        : base(height, width)
    {
        if (!(cropShare is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(cropShare), cropShare,
                $"The share of the image that evaluation keeps (`{nameof(cropShare)}`) lies in 0 to 1, 0 excluded.");
        }
        CropShare = cropShare;
        Interpolation = height == width ? interpolation : Interpolation.Bilinear;
    }

    /// <summary>Share of the resized image that is kept.</summary>
    public double CropShare { get; }

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; }

    /// <inheritdoc/>
    public override CropBox Region(int width, int height, RandomSequence random)
    {
        (int resizedHeight, int resizedWidth, CropBox window) = Layout(width, height);
        (int top, int bottom) = ResampleFilter.Reach(height, resizedHeight, window.Top, window.Height, Interpolation);
        (int left, int right) = ResampleFilter.Reach(width, resizedWidth, window.Left, window.Width, Interpolation);
        return new CropBox(top, left, bottom - top, right - left);
    }

    /// <inheritdoc/>
    public override bool ApplyUnflipped(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target)
    {
        Apply(image, resampler, target);
        return false;
    }

    /// <summary>Writes the transformed image; evaluation draws nothing.</summary>
    public void Apply(RgbImage image, Resampler resampler, Span<byte> target)
    {
        (int height, int width, CropBox window) = Layout(image.Width, image.Height);
        if (window.Top < 0 || window.Left < 0)
            throw new InvalidOperationException($"An image of {image.Width} x {image.Height} pixels resized to {width} x {height} does not hold a crop of {Width} x {Height}.");
        resampler.Resize(image, CropBox.Whole(image.Width, image.Height), height, width, Interpolation, window, target);
    }

    /// <summary>Size to which an image is resized, and the part of it that is kept.</summary>
    (int Height, int Width, CropBox Window) Layout(int imageWidth, int imageHeight)
    {
        (int height, int width) = Height == Width ? ResizedSquare(imageWidth, imageHeight) : Resized(imageWidth, imageHeight);
        return (height, width, new CropBox(CropOffset(height, Height), CropOffset(width, Width), Height, Width));
    }

    /// <summary>Shorter side to floor(size / share), the other in proportion, cut off to an integer.</summary>
    (int Height, int Width) ResizedSquare(int imageWidth, int imageHeight)
    {
        int shorter = (int)Math.Floor(Height / CropShare);
        if (Math.Min(imageWidth, imageHeight) == shorter)
            return (imageHeight, imageWidth);
        return imageWidth <= imageHeight
            ? ((int)((double)shorter * imageHeight / imageWidth), shorter)
            : (shorter, (int)((double)shorter * imageWidth / imageHeight));
    }

    /// <summary>Both sides divided by the smaller of the two scales, rounded half to even.</summary>
    (int Height, int Width) Resized(int imageWidth, int imageHeight)
    {
        double scaleHeight = Math.Floor(Height / CropShare), scaleWidth = Math.Floor(Width / CropShare);
        double ratio = Math.Min(imageHeight / scaleHeight, imageWidth / scaleWidth);
        return ((int)Math.Round(imageHeight / ratio), (int)Math.Round(imageWidth / ratio));
    }

    static int CropOffset(int extent, int size) => (int)Math.Round((extent - size) / 2.0);
}
