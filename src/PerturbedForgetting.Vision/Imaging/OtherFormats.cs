using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Advanced;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Png;
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
        Row("PNG", static data => data is [0x89, (byte)'P', (byte)'N', (byte)'G', ..], "all colour types and depths", "interlaced"),
        Row("GIF", static data => data.StartsWith("GIF87a"u8) || data.StartsWith("GIF89a"u8), "the first frame"),
    ];

    static readonly Configuration Configuration = new(
        new PngConfigurationModule(),
        new GifConfigurationModule())
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
            PngMetadata? png = format is PngFormat ? header.Metadata.GetPngMetadata() : null;
            bool grey = png?.ColorType is PngColorType.Grayscale or PngColorType.GrayscaleWithAlpha;
            wide = header.PixelType.BitsPerPixel > 32 || png?.BitDepth == PngBitDepth.Bit16;
            info = new ImageInfo(header.Width, header.Height, name, grey ? ImageColor.Grey : ImageColor.Rgb, Orientation(header));
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
            CopyWide(decoded, image, info.Color == ImageColor.Grey && options.Grey16 == Grey16Conversion.Clamp);
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

    static void CopyWide(Image<Rgba64> source, RgbImage target, bool clamp)
    {
        for (int y = 0; y < target.Height; y++)
        {
            ReadOnlySpan<Rgba64> from = source.DangerousGetPixelRowMemory(y).Span;
            Span<byte> to = target.Row(y);
            for (int x = 0, at = 0; x < from.Length && at + 2 < to.Length; x++, at += 3)
            {
                to[at] = Narrow(from[x].R, clamp);
                to[at + 1] = Narrow(from[x].G, clamp);
                to[at + 2] = Narrow(from[x].B, clamp);
            }
        }
    }

    static byte Narrow(ushort sample, bool clamp) => clamp ? (byte)Math.Min(sample, (ushort)255) : (byte)(sample >> 8);

    static int Orientation(IImageInfo header)
    {
        IExifValue<ushort>? value = header.Metadata.ExifProfile?.GetValue(ExifTag.Orientation);
        return value?.Value is >= 1 and <= 8 ? value.Value : 1;
    }
}
