namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>The kinds of TIFF that are refused, as messages and the documentation name them.</summary>
static class TiffKinds
{
    public const string Compression = "compression other than PackBits, LZW, Deflate, JPEG, CCITT";
    public const string OldJpeg = "JPEG of the old kind (compression 6)";
    public const string OldLzw = "LZW of the old kind (bits from the lowest)";
    public const string Jpeg = "JPEG of CMYK or in planes";
    public const string FaxUncompressed = "CCITT with uncompressed parts";
    public const string Depth = "these depths of samples";
    public const string Signed = "signed or floating-point samples";
    public const string Color = "colours other than grey, palette, RGB, CMYK, YCbCr";
    public const string Inks = "inks other than CMYK";
    public const string Samples = "more than 6 samples a pixel";
    public const string Predictor = "this predictor";
    public const string Ycc = "YCbCr in planes";

    public static IReadOnlyList<string> Refused { get; } =
        [Compression, OldJpeg, OldLzw, Jpeg, FaxUncompressed, Depth, Signed, Color, Inks, Samples, Predictor, Ycc];

    public static ImageDecodeException Error(string kind) => DecodeErrors.Unsupported("TIFF", kind);
}
