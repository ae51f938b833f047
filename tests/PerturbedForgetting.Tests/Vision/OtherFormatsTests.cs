using PerturbedForgetting.Vision.Imaging;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Pbm;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Tests.Vision;

public class OtherFormatsTests
{
    static readonly Dictionary<string, IImageEncoder> Encoders = new()
    {
        ["BMP"] = new BmpEncoder(),
        ["GIF"] = new GifEncoder(),
        ["PNM"] = new PbmEncoder { ColorType = PbmColorType.Rgb, Encoding = PbmEncoding.Binary },
        ["PNG"] = new PngEncoder(),
        ["TGA"] = new TgaEncoder { Compression = TgaCompression.None },
        ["TIFF"] = new TiffEncoder(),
        ["Webp"] = new WebpEncoder { FileFormat = WebpFileFormatType.Lossless },
    };

    static IEnumerable<string> Formats => Encoders.Keys;

    static byte[] Encode(string format, int width, int height)
    {
        using Image<Rgb24> image = Image.LoadPixelData<Rgb24>(TestImages.Pixels(width, height), width, height);
        using var stream = new MemoryStream();
        image.Save(stream, Encoders[format]);
        return stream.ToArray();
    }

    [TestCaseSource(nameof(Formats))]
    public void IsReadWithoutItsExtension(string format)
    {
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        ImageInfo decoded = decoder.Decode(Encode(format, 23, 17), image);
        byte[] expected = TestImages.Pixels(23, 17);
        Assert.That((decoded.Width, decoded.Height, decoded.Format.ToUpperInvariant()), Is.EqualTo((23, 17, format.ToUpperInvariant())));
        double difference = 0;
        for (int i = 0; i < expected.Length; i++)
            difference += Math.Abs(expected[i] - image.Pixels[i]) / (double)expected.Length;
        // GIF has 256 colours; the rest lose nothing.
        Assert.That(difference, format == "GIF" ? Is.LessThan(12) : Is.Zero);
    }

    [TestCaseSource(nameof(Formats))]
    public void AFileThatIsCutShortIsAnError(string format)
    {
        byte[] whole = Encode(format, 23, 17);
        foreach (double share in (double[])[0.1, 0.5, 0.9])
        {
            byte[] cut = whole[..(int)(whole.Length * share)];
            Assert.That(() => TestImages.Decode(cut), Throws.InstanceOf<ImageDecodeException>(), $"cut at {share:P0}");
        }
    }
}
