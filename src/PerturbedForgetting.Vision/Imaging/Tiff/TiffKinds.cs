namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>The kinds of TIFF that are refused, as messages and the documentation name them.</summary>
static class TiffKinds
{
    public const string Compression = "other compressions";
    public const string OldJpeg = "JPEG of the old kind (compression 6)";
    public const string OldLzw = "LZW of the old kind (bits from the lowest)";
    public const string Jpeg = "JPEG of CMYK or in planes";
    public const string FaxUncompressed = "CCITT with uncompressed parts";
    public const string Depth = "other depths of samples";
    public const string Signed = "signed or floating-point samples";
    public const string Color = "other colours (CIE Lab and the like)";
    public const string Inks = "inks other than CMYK";
    public const string Samples = "more than 6 samples a pixel";
    public const string Predictor = "other predictors";
    public const string Ycc = "YCbCr in planes";

    public static IReadOnlyList<string> Refused { get; } =
        [Compression, OldJpeg, OldLzw, Jpeg, FaxUncompressed, Depth, Signed, Color, Inks, Samples, Predictor, Ycc];

    public static ImageDecodeException Error(string kind) => DecodeErrors.Unsupported("TIFF", kind);

    /// <summary>The error of a kind of which there are many, with the number that the file gives it.</summary>
    public static ImageDecodeException Error(string kind, int number) => Error(FormattableString.Invariant($"{kind} ({number})"));
}
