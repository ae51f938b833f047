using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Models;

/// <summary>What a model expects of its images, and how the reference evaluates it.</summary>
public sealed record ModelConfig
{
    /// <summary>Height and width in training, in pixels.</summary>
    public required int InputSize { get; init; }

    /// <summary>Height and width in a separate evaluation, in pixels; the reference's ResNets are validated larger than they are
    /// trained.</summary>
    public int? TestInputSize { get; init; }

    /// <summary>Share of the resized image that the central crop keeps.</summary>
    public required double CropPct { get; init; }

    /// <summary>The same with <see cref="TestInputSize"/>.</summary>
    public double? TestCropPct { get; init; }

    /// <summary>Mean of each channel, red first, where white is 1.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Standard deviation of each channel, red first, where white is 1.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>Filter of the evaluation resize.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bicubic;

    /// <summary>Classes where nothing else is asked for.</summary>
    public required int NumClasses { get; init; }

    /// <summary>ResNet for ImageNet: 224 px in training, 288 px in a separate evaluation where <paramref name="larger"/> holds.</summary>
    internal static ModelConfig ResNet(bool larger) => new()
    {
        InputSize = 224,
        TestInputSize = larger ? 288 : null,
        CropPct = 0.95,
        TestCropPct = larger ? 1 : null,
        Mean = Normalization.ImageNet.Mean,
        Std = Normalization.ImageNet.Std,
        NumClasses = 1000,
    };

    /// <summary>ResNet for CIFAR: 32 px, nothing cropped away.</summary>
    internal static ModelConfig CifarResNet { get; } = new()
    {
        InputSize = 32,
        CropPct = 1,
        Mean = [0.4914, 0.4822, 0.4465],
        Std = [0.2470, 0.2435, 0.2616],
        NumClasses = 10,
    };

    /// <summary>Vision transformer for ImageNet.</summary>
    internal static ModelConfig VisionTransformer { get; } = new()
    {
        InputSize = 224,
        CropPct = 0.9,
        Mean = Normalization.Inception.Mean,
        Std = Normalization.Inception.Std,
        NumClasses = 1000,
    };

    /// <summary>Vision transformer for CIFAR.</summary>
    internal static ModelConfig CifarVisionTransformer { get; } = new()
    {
        InputSize = 32,
        CropPct = 1,
        Mean = Normalization.Inception.Mean,
        Std = Normalization.Inception.Std,
        NumClasses = 10,
    };
}
