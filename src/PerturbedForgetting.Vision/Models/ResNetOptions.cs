namespace PerturbedForgetting.Vision.Models;

/// <summary>First layers of a <see cref="ResNet"/>.</summary>
public enum ResNetStem
{
    /// <summary>7x7 convolution of stride 2, max-pool of stride 2.</summary>
    Plain,
    /// <summary>Three 3x3 convolutions, the first of stride 2, max-pool of stride 2.</summary>
    Deep,
    /// <summary>As <see cref="Deep"/> with a growing number of channels.</summary>
    DeepTiered,
    /// <summary>3x3 convolution of stride 1 and no max-pool, for images of 32 pixels.</summary>
    Cifar,
}

/// <summary>How a block's input reaches its output where shapes differ.</summary>
public enum ResNetShortcut
{
    /// <summary>1x1 convolution with batch norm (option B of He et al. 2015).</summary>
    Convolution,
    /// <summary>2x2 average pool, then a 1x1 convolution with batch norm (<c>avg_down</c>).</summary>
    AveragePool,
    /// <summary>Every second pixel, missing channels zero, no parameters (option A of He et al. 2015).</summary>
    Padding,
}

/// <summary>Shape of a <see cref="ResNet"/>; the defaults are those of the reference's ResNet-50.</summary>
public sealed record ResNetOptions
{
    /// <summary>Blocks a stage.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [3, 4, 6, 3];

    /// <summary>Channels of the 3x3 convolutions a stage, before <see cref="BaseWidth"/> applies.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [64, 128, 256, 512];

    /// <summary>1x1, 3x3, 1x1 with four times as many channels at the end (true), or two 3x3 convolutions (false).</summary>
    public bool Bottleneck { get; init; } = true;

    /// <summary>Groups of the 3x3 convolutions (ResNeXt); more than 1 only with <see cref="Bottleneck"/>.</summary>
    public int Cardinality { get; init; } = 1;

    /// <summary>Channels of a group in the first stage's 3x3 convolutions; other than 64 only with <see cref="Bottleneck"/>.</summary>
    public int BaseWidth { get; init; } = 64;

    /// <summary>First layers.</summary>
    public ResNetStem Stem { get; init; } = ResNetStem.Plain;

    /// <summary>Channels of a deep stem's first convolution; it ends with twice as many.</summary>
    public int StemWidth { get; init; } = 64;

    /// <summary>Way around a block that changes the shape.</summary>
    public ResNetShortcut Shortcut { get; init; } = ResNetShortcut.Convolution;

    /// <summary>Pixels of the input a pixel of the features stands for, 8, 16 or 32: smaller ones dilate instead of striding.</summary>
    public int OutputStride { get; init; } = 32;

    /// <summary>Starts the last normalisation of every block at 0, so that blocks start as the identity.</summary>
    public bool ZeroInitLast { get; init; } = true;

    /// <summary>Share of the new batch in the running statistics.</summary>
    public double BnMomentum { get; init; } = 0.1;

    /// <summary>Added to the variance.</summary>
    public double BnEps { get; init; } = 1e-5;

    /// <summary>Dropout of the pooled features.</summary>
    public double Drop { get; init; }

    /// <summary>Classes.</summary>
    public int NumClasses { get; init; } = 1000;

    /// <summary>Height and width of the images in pixels, for the summary; others are accepted.</summary>
    public int ImageSize { get; init; } = 224;
}
