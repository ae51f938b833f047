using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Advanced;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Pbm;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The formats that ImageSharp decodes. Only their decoders are registered.</summary>
sealed class OtherFormats(string name, ImageDecoderOptions options) : IFormatDecoder
{
    /// <summary>Their rows in the table of formats.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } =
    [
        Row("BMP", static data => data.StartsWith("BM"u8), "uncompressed", "run-length coded"),
        Row("WebP", static data => data.StartsWith("RIFF"u8) && data.Length >= 12 && data[8..].StartsWith("WEBP"u8), "lossy", "lossless"),
        Row("TIFF", static data => data is [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..],
            "the first page, in strips"),
        Row("PBM", static data => data is [(byte)'P', >= (byte)'1' and <= (byte)'6', ..], "PBM, PGM and PPM, plain and binary"),
        Row("TGA", IsTga, "uncompressed", "run-length coded"),
    ];

    static readonly Configuration Configuration = new(
        new BmpConfigurationModule(),
        new WebpConfigurationModule(),
        new TiffConfigurationModule(),
        new PbmConfigurationModule(),
        new TgaConfigurationModule())
    {
        MaxDegreeOfParallelism = 1,
    };

    ImageInfo info;
    bool wide;

    public unsafe ImageInfo Open(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            using var stream = new UnmanagedMemoryStream(bytes, data.Length);
            IImageInfo header = Image.Identify(Configuration, stream, out IImageFormat format)
                ?? throw DecodeErrors.Corrupt(name, "its header is not one");
            ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
            if (!Completeness.IsWhole(format.Name, data, header.Width, header.Height))
                throw DecodeErrors.Truncated("the image", data.Length);
            wide = header.PixelType.BitsPerPixel > 32;
            info = new ImageInfo(header.Width, header.Height, name, ImageColor.Rgb, Orientation(header));
            return info;
        }
    }

    /// <summary>Decodes all of the first frame.</summary>
    public ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        image.Resize(info.Width, info.Height);
        if (wide)
        {
            using Image<Rgba64> decoded = Image.Load<Rgba64>(Configuration, data);
            CopyWide(decoded, image);
        }
        else
        {
            using Image<Rgba32> decoded = Image.Load<Rgba32>(Configuration, data);
            Copy(decoded, image);
        }
        return info;
    }

    public void Dispose()
    {
    }

    static ImageFormat Row(string name, FormatTest matches, params string[] reads) =>
        new(name, matches, (options, _) => new OtherFormats(name, options)) { Reads = reads };

    /// <summary>TGA has no signature; what tells it are numbers of its header that have few values.</summary>
    static bool IsTga(ReadOnlySpan<byte> data) =>
        data is [_, var palette and (0 or 1), var type, _, _, _, _, _, _, _, _, _, _, _, _, _, 8 or 15 or 16 or 24 or 32, _, ..]
        && (type & ~8) is 1 or 2 or 3 && palette == 1 == ((type & ~8) == 1) && (palette == 1 || data[3..8].IndexOfAnyExcept((byte)0) < 0);

    static void Copy(Image<Rgba32> source, RgbImage target)
    {
        for (int y = 0; y < target.Height; y++)
        {
            ReadOnlySpan<Rgba32> from = source.DangerousGetPixelRowMemory(y).Span;
            Span<byte> to = target.Row(y);
            for (int x = 0, at = 0; x < from.Length && at + 2 < to.Length; x++, at += 3)
                (to[at], to[at + 1], to[at + 2]) = (from[x].R, from[x].G, from[x].B);
        }
    }

    static void CopyWide(Image<Rgba64> source, RgbImage target)
    {
        for (int y = 0; y < target.Height; y++)
        {
            ReadOnlySpan<Rgba64> from = source.DangerousGetPixelRowMemory(y).Span;
            Span<byte> to = target.Row(y);
            for (int x = 0, at = 0; x < from.Length && at + 2 < to.Length; x++, at += 3)
            {
                to[at] = (byte)(from[x].R >> 8);
                to[at + 1] = (byte)(from[x].G >> 8);
                to[at + 2] = (byte)(from[x].B >> 8);
            }
        }
    }

    static int Orientation(IImageInfo header)
    {
        IExifValue<ushort>? value = header.Metadata.ExifProfile?.GetValue(ExifTag.Orientation);
        return value?.Value is >= 1 and <= 8 ? value.Value : 1;
    }
}
