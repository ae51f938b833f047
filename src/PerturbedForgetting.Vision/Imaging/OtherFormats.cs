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
static class OtherFormats
{
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

    /// <summary>Decodes the first frame into <paramref name="image"/>.</summary>
    public static unsafe DecodedImage Decode(ReadOnlySpan<byte> data, RgbImage image, ImageDecoderOptions options)
    {
        fixed (byte* bytes = data)
        {
            using var stream = new UnmanagedMemoryStream(bytes, data.Length);
            try
            {
                return Decode(stream, data, image, options);
            }
            catch (UnknownImageFormatException e)
            {
                throw new ImageDecodeException(
                    ImageProblem.UnknownFormat, "its contents are no image of a known format (JPEG, PNG, BMP, GIF, WebP, TIFF, PBM, TGA)", inner: e);
            }
            catch (InvalidMemoryOperationException e)
            {
                throw new ImageDecodeException(ImageProblem.TooLarge, e.Message, inner: e);
            }
        }
    }

    static DecodedImage Decode(Stream stream, ReadOnlySpan<byte> data, RgbImage image, ImageDecoderOptions options)
    {
        IImageInfo info = Image.Identify(Configuration, stream, out IImageFormat format)
            ?? throw new ImageDecodeException(ImageProblem.UnknownFormat,
                "its contents are no image of a known format (JPEG, PNG, BMP, GIF, WebP, TIFF, PBM, TGA)");
        ImageLimits.CheckPixels(info.Width, info.Height, options.MaxPixels);
        bool png = format is PngFormat;
        if (!Completeness.IsWhole(format.Name, data, info.Width, info.Height))
            throw new ImageDecodeException(ImageProblem.Truncated, FormattableString.Invariant($"the {format.Name} file ends within the image, after {data.Length} bytes"));
        stream.Position = 0;
        PngMetadata? metadata = png ? info.Metadata.GetPngMetadata() : null;
        bool grey = metadata?.ColorType is PngColorType.Grayscale or PngColorType.GrayscaleWithAlpha;
        image.Resize(info.Width, info.Height);
        if (info.PixelType.BitsPerPixel > 32 || metadata?.BitDepth == PngBitDepth.Bit16)
        {
            using Image<Rgba64> wide = Image.Load<Rgba64>(Configuration, stream);
            CopyWide(wide, image, grey && options.Grey16 == Grey16Conversion.Clamp);
        }
        else
        {
            using Image<Rgba32> narrow = Image.Load<Rgba32>(Configuration, stream);
            Copy(narrow, image);
        }
        return new DecodedImage(info.Width, info.Height, format.Name, grey ? ImageColor.Grey : ImageColor.Rgb, Orientation(info), false);
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

    static int Orientation(IImageInfo info)
    {
        IExifValue<ushort>? value = info.Metadata.ExifProfile?.GetValue(ExifTag.Orientation);
        return value?.Value is >= 1 and <= 8 ? value.Value : 1;
    }
}
