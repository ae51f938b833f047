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
        : base(height, width, height == width ? interpolation : Interpolation.Bilinear)
    {
        if (!(cropShare is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(cropShare), cropShare,
                $"The share of the image that evaluation keeps (`{nameof(cropShare)}`) lies in 0 to 1, 0 excluded.");
        }
        CropShare = cropShare;
    }

    /// <summary>Share of the resized image that is kept.</summary>
    public double CropShare { get; }

    /// <summary>Evaluation draws nothing: it is the whole image that is resized.</summary>
    public override Crop Draw(int width, int height, ref RandomSequence random)
    {
        (int resizedHeight, int resizedWidth) = Height == Width ? ResizedSquare(width, height) : Resized(width, height);
        var window = new CropBox(CropOffset(resizedHeight, Height), CropOffset(resizedWidth, Width), Height, Width);
        return new Crop(CropBox.Whole(width, height), resizedHeight, resizedWidth, window, Flip: false);
    }

    /// <inheritdoc/>
    public override CropBox Region(Crop crop)
    {
        CropBox window = crop.Window;
        (int top, int bottom) = ResampleFilter.Reach(crop.Box.Height, crop.Height, window.Top, window.Height, Interpolation);
        (int left, int right) = ResampleFilter.Reach(crop.Box.Width, crop.Width, window.Left, window.Width, Interpolation);
        return new CropBox(top, left, bottom - top, right - left);
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
