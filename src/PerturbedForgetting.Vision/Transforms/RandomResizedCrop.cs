using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Transforms;

/// <summary>The training transform of the reference: a random part of the image, of random area and aspect ratio, resized
/// to the input's size, then mirrored with a given probability.</summary>
public sealed class RandomResizedCrop : ImageTransform
{
    const int Attempts = 10;

    /// <summary>Creates the transform.</summary>
    /// <param name="height">Output height in pixels.</param>
    /// <param name="width">Output width in pixels.</param>
    /// <param name="scale">Smallest and largest share of the image's area.</param>
    /// <param name="ratio">Smallest and largest width : height, drawn log-uniformly.</param>
    /// <param name="flip">Probability of mirroring.</param>
    /// <param name="interpolation">Filter of the resize.</param>
    public RandomResizedCrop(
        int height, int width, (double Min, double Max)? scale = null, (double Min, double Max)? ratio = null, double flip = 0.5,
        Interpolation interpolation = Interpolation.Bilinear)
        : base(height, width)
    {
        Scale = scale ?? (0.05, 1.0);
        Ratio = ratio ?? (3.0 / 4, 4.0 / 3);
        Flip = flip;
        Interpolation = interpolation;
        if (!(Scale.Min > 0 && Scale.Min <= Scale.Max))
        {
            throw new ArgumentException($"The crop's area runs from a positive share to a larger one (`{nameof(scale)}` 0.05 1.0), "
                + FormattableString.Invariant($"not from {Scale.Min} to {Scale.Max}."), nameof(scale));
        }
        if (!(Ratio.Min > 0 && Ratio.Min <= Ratio.Max))
        {
            throw new ArgumentException("The crop's aspect ratio runs from a positive number to a larger one "
                + $"(`{nameof(ratio)}` 0.75 1.333), "
                + FormattableString.Invariant($"not from {Ratio.Min} to {Ratio.Max}."), nameof(ratio));
        }
        if (!(flip is >= 0 and <= 1))
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The probability of a flip (`{nameof(flip)}`) lies in 0 to 1, and is {flip}."), nameof(flip));
        }
    }

    /// <summary>Range of the crop's share of the area.</summary>
    public (double Min, double Max) Scale { get; }

    /// <summary>Range of the crop's aspect ratio.</summary>
    public (double Min, double Max) Ratio { get; }

    /// <summary>Probability of mirroring.</summary>
    public double Flip { get; }

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; }

    /// <inheritdoc/>
    public override CropBox Region(int width, int height, RandomSequence random) => Sample(width, height, ref random);

    /// <inheritdoc/>
    public override bool ApplyUnflipped(RgbImage image, Resampler resampler, ref RandomSequence random, Span<byte> target)
    {
        CropBox box = Sample(image.Width, image.Height, ref random);
        bool flip = random.NextDouble() < Flip;
        resampler.Resize(image, box, Height, Width, Interpolation, target);
        return flip;
    }

    /// <summary>Draws a box: up to ten attempts, then the largest central box of a permitted aspect ratio.</summary>
    public CropBox Sample(int width, int height, ref RandomSequence random)
    {
        (double lowest, double highest) = (Math.Log(Ratio.Min), Math.Log(Ratio.Max));
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double share = Scale.Min + (Scale.Max - Scale.Min) * random.NextDouble();
            double logRatio = lowest + (highest - lowest) * random.NextDouble();
            if (TryBox(width, height, share, logRatio) is not var (h, w))
                continue;
            // In a tiny image the reference's box may be rounded to nothing, which cannot be resized.
            (h, w) = (Math.Max(h, 1), Math.Max(w, 1));
            return new CropBox(random.NextInt(height - h + 1), random.NextInt(width - w + 1), h, w);
        }
        return Fallback(width, height);
    }

    /// <summary>The height and width of a crop of this share of the area and this log of the aspect ratio, rounded half to
    /// even; null if it does not fit into the image.</summary>
    internal static (int Height, int Width)? TryBox(int width, int height, double share, double logRatio)
    {
        double area = share * width * height, ratio = Math.Exp(logRatio);
        double w = Math.Round(Math.Sqrt(area * ratio)), h = Math.Round(Math.Sqrt(area / ratio));
        return w <= width && h <= height ? ((int)h, (int)w) : null;
    }

    /// <summary>The central box that is taken when no attempt fits.</summary>
    internal CropBox Fallback(int width, int height)
    {
        double ratio = (double)width / height;
        int w = width, h = height;
        if (ratio < Ratio.Min)
            h = Math.Clamp((int)Math.Round(w / Ratio.Min), 1, height);
        else if (ratio > Ratio.Max)
            w = Math.Clamp((int)Math.Round(h * Ratio.Max), 1, width);
        return new CropBox((height - h) / 2, (width - w) / 2, h, w);
    }
}
