using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>How the sub-folders of an image folder become labels.</summary>
public enum ClassOrder
{
    /// <summary>By the code units of the names: "10" before "2".</summary>
    Ordinal,

    /// <summary>Numbers within the names by their value: "2" before "10".</summary>
    Natural,
}

/// <summary>Choices in opening a data set.</summary>
public sealed record DatasetOptions
{
    /// <summary>Order of the classes of an image folder.</summary>
    public ClassOrder ClassOrder { get; init; } = ClassOrder.Ordinal;

    /// <summary>A file that lists the classes, one a line, optionally with an index behind a comma or tab.</summary>
    public string? ClassMapFile { get; init; }

    /// <summary>A file of separated values (CSV) of image and class, for a folder whose sub-folders are no classes; a file for each split
    /// as <c>train=FILE,val=FILE</c>, or a path with <c>{split}</c> in it.</summary>
    public string? LabelsFile { get; init; }

    /// <summary>The column of <see cref="LabelsFile"/>, or of a table of images, that holds the image: its name, or its number from 1.
    /// Null finds it.</summary>
    public string? ImageColumn { get; init; }

    /// <summary>The column that holds the label, likewise.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>The <c>real.json</c> of ImageNet-ReaL: all labels that are right for ImageNet's validation images.</summary>
    public string? RealLabelsFile { get; init; }

    /// <summary>The classes of the training set or of a checkpoint, which labels must follow.</summary>
    public ClassList? Classes { get; init; }

    /// <summary>Seed of procedural sets.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>How often a read is tried again that a disk or network failed.</summary>
    public int ReadRetries { get; init; } = ImageDecoderOptions.DefaultReadRetries;

    /// <summary>Is told every few seconds how far a long preparation is, on the thread that opens the set.</summary>
    public Action<DatasetProgress>? Progress { get; init; }

    /// <summary>Ends a long preparation, with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Stop { get; init; }
}
