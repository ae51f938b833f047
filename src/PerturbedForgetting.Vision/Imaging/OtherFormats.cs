using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Advanced;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Pbm;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The formats that ImageSharp decodes. Only their decoders are registered.</summary>
sealed class OtherFormats(ImageDecoderOptions options) : IFormatDecoder
{
    const string Unknown = "its contents are no image of a known format (JPEG, PNG, BMP, GIF, WebP, TIFF, PBM, TGA)";

    static readonly Configuration Configuration = new(
        new PngConfigurationModule(),
        new BmpConfigurationModule(),
        new GifConfigurationModule(),
        new WebpConfigurationModule(),
        new TiffConfigurationModule(),
        new PbmConfigurationModule(),
        new TgaConfigurationModule())
    {
        MaxDegreeOfParallelism = 1,
    };

    ImageInfo info;
    bool wide;

    /// <summary>What an error of ImageSharp means, where it says more than that the data are damaged.</summary>
    public static ImageDecodeException? Explain(Exception e) => e switch
    {
        UnknownImageFormatException => new(ImageProblem.UnknownFormat, Unknown, inner: e),
        InvalidMemoryOperationException => new(ImageProblem.TooLarge, e.Message, inner: e),
        _ => null,
    };

    public unsafe ImageInfo Open(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            using var stream = new UnmanagedMemoryStream(bytes, data.Length);
            IImageInfo header = Image.Identify(Configuration, stream, out IImageFormat format)
                ?? throw new ImageDecodeException(ImageProblem.UnknownFormat, Unknown);
            ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
            if (!Completeness.IsWhole(format.Name, data, header.Width, header.Height))
            {
                throw new ImageDecodeException(ImageProblem.Truncated,
                    FormattableString.Invariant($"the {format.Name} file ends within the image, after {data.Length} bytes"));
            }
            PngMetadata? png = format is PngFormat ? header.Metadata.GetPngMetadata() : null;
            bool grey = png?.ColorType is PngColorType.Grayscale or PngColorType.GrayscaleWithAlpha;
            wide = header.PixelType.BitsPerPixel > 32 || png?.BitDepth == PngBitDepth.Bit16;
            info = new ImageInfo(header.Width, header.Height, format.Name, grey ? ImageColor.Grey : ImageColor.Rgb, Orientation(header));
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
