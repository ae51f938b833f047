using PerturbedForgetting.Vision.Imaging.Bmp;
using PerturbedForgetting.Vision.Imaging.Gif;
using PerturbedForgetting.Vision.Imaging.Jpeg;
using PerturbedForgetting.Vision.Imaging.Png;
using PerturbedForgetting.Vision.Imaging.Pnm;
using PerturbedForgetting.Vision.Imaging.Tga;
using PerturbedForgetting.Vision.Imaging.Tiff;
using PerturbedForgetting.Vision.Imaging.Webp;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The formats that are read. The documentation's list of them is written from this table.</summary>
static class ImageFormats
{
    /// <summary>All formats, in the order in which a file is held against them: those without a signature come last.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } =
    [
        JpegDecoder.Format,
        PngDecoder.Format,
        GifDecoder.Format,
        BmpDecoder.Format,
        WebpDecoder.Format,
        TiffDecoder.Format,
        PnmDecoder.Format,
        TgaDecoder.Format,
    ];

    /// <summary>Number of the format in <see cref="All"/> as which a file begins; -1 if it begins as none.</summary>
    public static int Find(ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < All.Count; i++)
        {
            if (All[i].Matches(data))
                return i;
        }
        return -1;
    }

    /// <summary>What names of files end in that are of the format as which a file begins, without a dot; null if it begins as none. An
    /// image that is packed by gzip has the ending that is usual for photos.</summary>
    public static string? ExtensionOf(ReadOnlySpan<byte> data) => Gunzip.Matches(data) ? "jpg" : Find(data) is >= 0 and var found
        ? All[found].Extension : null;

    /// <summary>The error of a file that begins as no format; it names what the file is.</summary>
    /// <param name="data">The beginning of the file.</param>
    public static ImageDecodeException Unknown(ReadOnlySpan<byte> data) => new(ImageProblem.UnknownFormat,
        ForeignFiles.Describe(data) ?? "its contents are no image of a known format (known are "
            + $"{string.Join(", ", All.Select(static format => format.Name))})");
}
