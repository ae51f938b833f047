namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>A file that a set is made of, or a part of one.</summary>
/// <param name="Name">Its path, or for a part what it is called in errors.</param>
readonly record struct ContainerFile(string Name)
{
    /// <summary>The file that it is a part of; null for a whole file.</summary>
    public string? Whole { get; init; }

    /// <summary>Where the part begins.</summary>
    public long Start { get; init; }

    /// <summary>Bytes of the part.</summary>
    public long Length { get; init; }

    /// <summary>What is read instead, where the file is packed by gzip; whose files these are disposes of it.</summary>
    public UnpackedFile? Unpacked { get; init; }

    /// <summary>What is opened.</summary>
    public string Place => Unpacked?.Place ?? Whole ?? Name;

    /// <summary>Whether it is read as it lies on the disk, from its first byte to its last.</summary>
    public bool IsPlain => Unpacked is null && Whole is null;
}
