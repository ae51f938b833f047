namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Whether a file begins as files of a format do. The bytes may be fewer than the format needs.</summary>
delegate bool FormatTest(ReadOnlySpan<byte> data);

/// <summary>A format of images: how it is recognised, what decodes it, and which of its kinds are read.</summary>
/// <param name="Name">Its name in reports: "JPEG", "PNG", ...</param>
/// <param name="Matches">Recognises it by the first bytes.</param>
/// <param name="Create">Makes a decoder for it.</param>
sealed record ImageFormat(string Name, FormatTest Matches, Func<ImageDecoderOptions, DecodeBudget, IFormatDecoder> Create)
{
    /// <summary>What names of its files usually end in, without a dot.</summary>
    public string Extension => Name switch
    {
        "JPEG" => "jpg",
        "TIFF" => "tif",
        "PNM" => "ppm",
        _ => Name.ToLowerInvariant(),
    };

    /// <summary>The kinds that are read, as the documentation names them.</summary>
    public required IReadOnlyList<string> Reads { get; init; }

    /// <summary>The kinds that are refused as unsupported; the error's message holds the same words.</summary>
    public IReadOnlyList<string> Refuses { get; init; } = [];
}
