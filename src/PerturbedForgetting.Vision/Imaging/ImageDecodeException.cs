using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Why an image could not be decoded.</summary>
public enum ImageProblem
{
    /// <summary>The file could not be opened or read.</summary>
    Unreadable,

    /// <summary>The file has no bytes.</summary>
    Empty,

    /// <summary>The first bytes belong to no image format that is read.</summary>
    UnknownFormat,

    /// <summary>The file ends before the image does.</summary>
    Truncated,

    /// <summary>The data contradict their format.</summary>
    Corrupt,

    /// <summary>The format is known but this variant of it is not read (12-bit or arithmetic JPEG, for example).</summary>
    Unsupported,

    /// <summary>The image has more pixels than the decoder allows.</summary>
    TooLarge,

    /// <summary>Decoding the image takes longer than the decoder allows.</summary>
    TooSlow,
}

/// <summary>An image that cannot be decoded: the file, what is wrong with it, and how many bytes it has.</summary>
public sealed class ImageDecodeException : Exception
{
    /// <summary>Creates the error. <paramref name="path"/> is null while the bytes have no name yet.</summary>
    public ImageDecodeException(ImageProblem problem, string reason, string? path = null, long? bytes = null, Exception? inner = null)
        : base(Describe(reason, path, bytes), inner)
    {
        Problem = problem;
        Reason = reason;
        Path = path;
        Bytes = bytes;
    }

    /// <summary>The kind of problem, for counting.</summary>
    public ImageProblem Problem { get; }

    /// <summary>What is wrong, without the file's name.</summary>
    public string Reason { get; }

    /// <summary>The file, or null for unnamed bytes.</summary>
    public string? Path { get; }

    /// <summary>The file's length in bytes, where it is known.</summary>
    public long? Bytes { get; }

    internal ImageDecodeException At(string? path, long bytes) =>
        Path is null && Bytes is null ? new(Problem, Reason, path, bytes, this) : this;

    static string Describe(string reason, string? path, long? bytes) =>
        $"cannot decode {path ?? "image"}: {reason}" + (bytes is { } n ? $" (file has {Quantity.Of(n, "byte")})" : "");
}
