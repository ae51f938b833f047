using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The errors that every decoder has, in the same words.</summary>
static class DecodeErrors
{
    /// <summary>The file ends too early.</summary>
    /// <param name="within">What it ends within: "the image", "a header".</param>
    /// <param name="bytes">Length of the data.</param>
    public static ImageDecodeException Truncated(string within, int bytes) =>
        new(ImageProblem.Truncated, $"the file ends within {within}, after {Quantity.Of(bytes, "byte")}");

    /// <summary>The data contradict their format.</summary>
    /// <param name="format">Name of the format.</param>
    /// <param name="reason">What is wrong, as a sentence: "its palette has no entries".</param>
    public static ImageDecodeException Corrupt(string format, string reason) =>
        new(ImageProblem.Corrupt, $"the {format} is damaged: {reason}");

    /// <summary>The kind is known and not read.</summary>
    /// <param name="format">Name of the format.</param>
    /// <param name="kind">The kind, in the words of <see cref="ImageFormat.Refuses"/>.</param>
    public static ImageDecodeException Unsupported(string format, string kind) =>
        new(ImageProblem.Unsupported, $"this kind of {format} is not read: {kind}; store it again in an ordinary kind");
}
