using System.Globalization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Setup;

/// <summary>How images reach the model: sizes, crops, filters, normalisation, from the options and else from the model's own
/// configuration.</summary>
/// <param name="Size">Height and width in pixels.</param>
/// <param name="CropPct">Share of the resized image that the evaluation crop keeps.</param>
/// <param name="Interpolation">Filter of the evaluation resize.</param>
/// <param name="Normalization">Mean and standard deviation.</param>
sealed record ImageSetup(int Size, double CropPct, Interpolation Interpolation, Normalization Normalization)
{
    /// <summary>Resolves the options.</summary>
    /// <param name="options">What the user gave.</param>
    /// <param name="config">What the model expects.</param>
    /// <param name="useTestSize">Whether the model's own test size and crop come before its training size, as in a separate
    /// evaluation.</param>
    public static ImageSetup Resolve(RunOptions options, ModelConfig config, bool useTestSize) => new(
        options.ImgSize ?? (useTestSize ? config.TestInputSize : null) ?? config.InputSize,
        // As in the reference, the test crop applies even to a size that was given.
        options.CropPct ?? (useTestSize ? config.TestCropPct : null) ?? config.CropPct,
        options.Interpolation ?? config.Interpolation,
        new(Channels(options.Mean, config.Mean), Channels(options.Std, config.Std)));

    /// <summary>The same in a checkpoint's terms.</summary>
    /// <param name="options">How images are decoded.</param>
    public ImagePreparation Preparation(RunOptions options) => new()
    {
        Size = Size,
        CropPct = CropPct,
        Mean = Normalization.Mean,
        Std = Normalization.Std,
        Interpolation = Name(Interpolation),
        Exif = RunOptions.ExifOption.Show(options),
        Truncated = RunOptions.TruncatedOption.Show(options),
    };

    /// <summary>The transform of evaluation.</summary>
    public EvalTransform EvaluationTransform => new(Size, Size, CropPct, Interpolation);

    /// <summary>The transform of training.</summary>
    public ImageTransform TrainingTransform(TrainOptions options, ModelConfig config) => options.CropPadding is { } padding
        ? new PaddedCrop(Size, Size, padding, options.Hflip)
        : new RandomResizedCrop(Size, Size, (options.Scale[0], options.Scale[1]), (options.Ratio[0], options.Ratio[1]), options.Hflip,
            options.TrainInterpolation ?? config.Interpolation);

    /// <summary>A transform in words, for the log.</summary>
    public static string Describe(ImageTransform transform) => transform switch
    {
        PaddedCrop t => string.Create(CultureInfo.InvariantCulture,
            $"pad by {t.Padding} and crop to {t.Height} px, flip with probability {t.Flip}"),
        RandomResizedCrop t => string.Create(CultureInfo.InvariantCulture,
            $"random crop of area {t.Scale.Min} to {t.Scale.Max} and aspect {t.Ratio.Min} to {t.Ratio.Max}, resize to {t.Height} px "
            + $"({Name(t.Interpolation)}), flip with probability {t.Flip}"),
        EvalTransform t => string.Create(CultureInfo.InvariantCulture,
            $"resize the shorter edge to {(int)Math.Floor(t.Height / t.CropShare)} px ({Name(t.Interpolation)}), crop {t.Height} px from "
            + $"the centre"),
        _ => transform.GetType().Name,
    };

    /// <summary>The name of a filter on the command line.</summary>
    public static string Name(Interpolation interpolation) => interpolation == Interpolation.Bicubic ? "bicubic" : "bilinear";

    /// <summary>How images are decoded.</summary>
    public static ImageDecoderOptions Decoder(RunOptions options) => new()
    {
        ApplyExifOrientation = options.Exif == ExifOrientation.Apply,
        FillTruncated = options.Truncated == TruncatedImages.Fill,
        ReadRetries = options.IoRetries,
    };

    static IReadOnlyList<double> Channels(double[]? given, IReadOnlyList<double> own) => given switch
    {
        null => own,
        [var one] => [one, one, one],
        _ => given,
    };
}
