namespace PerturbedForgetting.Vision.Imaging;

/// <summary>How 16-bit grey images become 8 bits.</summary>
public enum Grey16Conversion
{
    /// <summary>The high byte of each sample, as for 16-bit colour.</summary>
    HighByte,

    /// <summary>min(sample, 255): what Pillow 9 does, which turns nearly all such images white.</summary>
    Clamp,
}

/// <summary>Choices of <see cref="ImageDecoder"/>. The defaults equal Pillow's <c>Image.open(path).convert("RGB")</c>,
/// except for 16-bit grey.</summary>
public sealed record ImageDecoderOptions
{
    /// <summary>Most pixels that an image may have unless told otherwise: 2^27 (400 MB of RGB).</summary>
    public const long DefaultMaxPixels = 1L << 27;

    /// <summary>How often a read is tried again unless told otherwise.</summary>
    public const int DefaultReadRetries = 3;

    /// <summary>The defaults.</summary>
    public static ImageDecoderOptions Default { get; } = new();

    /// <summary>Turn and mirror the image as its EXIF orientation says. Off, as in the reference.</summary>
    public bool ApplyExifOrientation { get; init; }

    /// <summary>Fill what a truncated or damaged JPEG lacks with grey instead of failing.</summary>
    public bool FillTruncated { get; init; }

    /// <summary>How 16-bit grey becomes 8 bits.</summary>
    public Grey16Conversion Grey16 { get; init; } = Grey16Conversion.HighByte;

    /// <summary>Images with more pixels are refused before anything is allocated for them.</summary>
    public long MaxPixels { get; init; } = DefaultMaxPixels;

    /// <summary>How often a read is tried again that a disk, a network or another program's lock failed, after pauses of 0.1 s, 0.2 s,
    /// 0.4 s and so on. Damaged and missing files are not.</summary>
    public int ReadRetries { get; init; } = DefaultReadRetries;

    /// <summary>An image whose decoding takes longer is given up: the last resort against files made for that.</summary>
    public TimeSpan MaxTime { get; init; } = TimeSpan.FromSeconds(30);
}
