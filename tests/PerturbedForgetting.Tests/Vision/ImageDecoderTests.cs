using System.IO.Compression;
using System.Security.Cryptography;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;
using SixLabors.ImageSharp.Formats.Jpeg;

namespace PerturbedForgetting.Tests.Vision;

public class ImageDecoderTests
{
    static byte[] Reference(string file) => File.ReadAllBytes(ReferenceData.PathOf("images/" + file));

    static byte[] Decode(byte[] data, ImageDecoderOptions? options = null)
    {
        using RgbImage image = TestImages.Decode(data, options);
        return image.Pixels.ToArray();
    }

    static ImageDecodeException Fails(byte[] data, ImageDecoderOptions? options = null) =>
        Assert.Throws<ImageDecodeException>(() => Decode(data, options))!;

    // Hashes of what libjpeg-turbo 2.1.5 makes of these files.
    [TestCase("narrow_420_4x9.jpg")]
    [TestCase("progressive_410_50x23.jpg")]
    [TestCase("quarter_411_45x18.jpg")]
    [TestCase("restart1_420_37x29.jpg")]
    [TestCase("restart3_progressive_420_37x29.jpg")]
    [TestCase("vertical_440_21x34.jpg")]
    public void PixelsEqualLibjpegTurbos(string file)
    {
        byte[] pixels = Decode(File.ReadAllBytes(ReferenceData.PathOf("jpeg/" + file)));
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(pixels))[..16], Is.EqualTo(LibjpegTurbo[file]));
    }

    static readonly Dictionary<string, string> LibjpegTurbo = new()
    {
        ["narrow_420_4x9.jpg"] = "300759e8f5d7f0b0",
        ["progressive_410_50x23.jpg"] = "fef3176261439d4a",
        ["quarter_411_45x18.jpg"] = "fea05886e109076b",
        ["restart1_420_37x29.jpg"] = "be8af8b46a4e3e88",
        ["restart3_progressive_420_37x29.jpg"] = "7263988305067fa5",
        ["vertical_440_21x34.jpg"] = "3f1a83e2b3b0f911",
    };

    [Test]
    public void TruncatedFileIsNamedWithItsLength([Values(0.2, 0.6, 0.95)] double share,
        [Values("img0_500x375_q90_420.jpg", "img2_64x64.png", "img3_33x47_q90_420_progressive.jpg")] string file)
    {
        using var folder = new TestFolder();
        byte[] whole = Reference(file);
        byte[] cut = whole[..(int)(whole.Length * share)];
        string path = folder.Write("cut.jpg", cut);
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => TestImages.Decode(path))!;
        Assert.That(e.Message, Does.Contain(path).And.Contain($"{cut.Length} bytes"));
        Assert.That((e.Problem, e.Path, e.Bytes), Is.EqualTo((ImageProblem.Truncated, path, cut.Length)));
    }

    [Test]
    public void TruncatedJpegIsFilledOnlyOnDemand()
    {
        byte[] whole = Reference("img0_500x375_q90_420.jpg");
        using var decoder = new ImageDecoder(new ImageDecoderOptions { FillTruncated = true });
        using var image = new RgbImage();
        Assert.That(decoder.Decode(whole, image).Filled, Is.False);
        byte[] expected = image.Pixels.ToArray();
        Assert.That(decoder.Decode(whole.AsMemory(0, whole.Length / 2), image).Filled, Is.True);
        Assert.That(image.Row(40).SequenceEqual(expected.AsSpan(40 * 1500, 1500)), "rows before the cut are right");
        Assert.That(image.Row(374).IndexOfAnyExcept((byte)128), Is.EqualTo(-1), "rows behind it are grey");
    }

    [Test]
    public void MissingEndMarkerOfACompleteImageIsNoError(
        [Values("img3_33x47_q90_420.jpg", "img3_33x47_q90_420_progressive.jpg")] string file)
    {
        byte[] whole = Reference(file);
        Assert.That(Decode(whole[..^2]), Is.EqualTo(Decode(whole)));
    }

    [Test]
    public void InksWithoutTheAdobeMarkAreRead()
    {
        byte[] data = Reference("cmyk_90x61_q90.jpg");
        int app14 = data.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xEE]);
        int length = 2 + (data[app14 + 2] << 8 | data[app14 + 3]);
        byte[] bare = [.. data[..app14], .. data[(app14 + length)..]];
        Assert.That(Decode(bare), Is.EqualTo(Decode(data)));
    }

    [Test]
    public void YcckIsConvertedByTheAdobeMark()
    {
        byte[] data = Reference("cmyk_90x61_q90.jpg");
        byte[] inks = TransformCases.Bytes("decode/cmyk_90x61_q90.jpg/cmyk");
        int transform = data.AsSpan().IndexOf("Adobe"u8) + 11;
        Assert.That(data[transform], Is.Zero);
        data[transform] = 2;
        byte[] pixels = Decode(data);
        for (int i = 0; i < inks.Length / 4; i++)
        {
            // The stored samples are the inverted inks; read as Y, Cb, Cr they give the inverted ink colours.
            double luma = 255 - inks[i * 4], cb = 127 - inks[i * 4 + 1], cr = 127 - inks[i * 4 + 2], light = 255 - inks[i * 4 + 3];
            Check(pixels[i * 3], luma + 1.402 * cr, light);
            Check(pixels[i * 3 + 1], luma - 0.34414 * cb - 0.71414 * cr, light);
            Check(pixels[i * 3 + 2], luma + 1.772 * cb, light);
        }

        static void Check(byte actual, double inverted, double light) =>
            Assert.That(actual, Is.EqualTo(light * (1 - Math.Clamp(inverted, 0, 255) / 255)).Within(1.5));
    }

    [Test]
    public void ImageInGzipIsRead()
    {
        byte[] data = Reference("img3_33x47_q90_444.jpg");
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(data);
        Assert.That(Decode(packed.ToArray()), Is.EqualTo(Decode(data)));
    }

    [Test]
    public void FormatIsFoundFromTheContent()
    {
        using var folder = new TestFolder();
        string path = folder.Write("n02105855_2933.JPEG", Reference("img3_33x47.png"));
        using RgbImage image = TestImages.Decode(path);
        Assert.That(image.Pixels.SequenceEqual(TransformCases.Bytes("decode/img3_33x47.png")));
    }

    /// <summary>All colour types and depths of PNG; 16 bits keep the high byte, alpha is dropped.</summary>
    [Test]
    public void PngOfEveryKindAndDepthIsRead(
        [Values(0, 2, 3, 4, 6)] int colorType, [Values(1, 2, 4, 8, 16)] int depth, [Values] bool interlaced, [Values] bool transparent)
    {
        bool exists = colorType switch { 0 => true, 3 => depth <= 8, _ => depth >= 8 };
        if (!exists)
        {
            Assert.Pass("PNG has no such kind.");
            return;
        }
        const int width = 13, height = 11;
        int channels = colorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        var random = new Random(colorType * 100 + depth);
        var samples = new ushort[width * height * channels];
        for (int i = 0; i < samples.Length; i++)
            samples[i] = (ushort)random.Next(1 << depth);
        byte[]? palette = colorType == 3 ? new byte[3 << depth] : null;
        random.NextBytes(palette ?? []);
        byte[]? transparency = !transparent ? null : colorType switch
        {
            0 => [(byte)(samples[0] >> 8), (byte)samples[0]],
            2 => [.. samples[..3].SelectMany(s => new[] { (byte)(s >> 8), (byte)s })],
            3 => [0, 128],
            _ => null,
        };
        byte[] pixels = Decode(TestImages.Png(width, height, colorType, depth, samples, palette, transparency, interlaced));
        for (int i = 0; i < pixels.Length; i++)
        {
            int pixel = i / 3, channel = i % 3;
            int sample = samples[pixel * channels + (channels >= 3 ? channel : 0)];
            int expected = colorType == 3 ? palette![sample * 3 + channel] : depth == 16 ? sample >> 8 : sample * 255 / ((1 << depth) - 1);
            Assert.That(pixels[i], Is.EqualTo(expected), $"sample {i}");
        }
    }

    [TestCase("Exif\0\0")]
    [TestCase("Exif\0\0II*\0\u00FF\u00FF\u00FF\u00FF")]
    [TestCase("Exif\0\0MM\0*\0\0\0\u0008\u00FF\u00FF\u0001\u0012")]
    [TestCase("Exif\0\0II*\0\u0008\0\0\0\u0001\0\u0012\u0001\u0003\0\u0001\0\0\0\u0063\0\0\0")]
    [TestCase("Photoshop 3.0\08BIM\u0004\u0004")]
    [TestCase("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta")]
    public void OddMetadataNeverFail(string payload)
    {
        byte[] data = Reference("img3_33x47_q90_420.jpg");
        byte[] body = System.Text.Encoding.Latin1.GetBytes(payload);
        foreach (byte marker in (byte[])[0xE1, 0xED, 0xE2, 0xFE])
        {
            byte[] changed = [0xFF, 0xD8, 0xFF, marker, 0, (byte)(body.Length + 2), .. body, .. data[2..]];
            Assert.That(Decode(changed, new ImageDecoderOptions { ApplyExifOrientation = true }), Is.EqualTo(Decode(data)));
        }
    }

    [TestCase(JpegColorType.YCbCrRatio444, 4)]
    [TestCase(JpegColorType.YCbCrRatio420, 12)]
    [TestCase(JpegColorType.YCbCrRatio411, 25)]
    [TestCase(JpegColorType.Rgb, 4)]
    public void ColoursOfEverySamplingComeBack(JpegColorType color, double tolerance)
    {
        byte[] expected = TestImages.Pixels(50, 40), actual = Decode(TestImages.Jpeg(50, 40, color: color));
        double squares = 0;
        for (int i = 0; i < expected.Length; i++)
            squares += Math.Pow(expected[i] - actual[i], 2);
        Assert.That(Math.Sqrt(squares / expected.Length), Is.LessThan(tolerance));
    }

    [Test]
    public void PathsMayHoldAnyCharacters()
    {
        using var folder = new TestFolder();
        foreach (string name in (string[])["中文", "caf\u00e9", "cafe\u0301", "\U0001F600 smile", "a & b # c", "100%"])
        {
            string path = folder.Write(Path.Combine(name, name + ".jpg"), Reference("img3_33x47_q90_420.jpg"));
            using RgbImage image = TestImages.Decode(path);
            Assert.That(image.Width, Is.EqualTo(33));
        }
    }

    [Test]
    public void MissingAndEmptyAndForeignFilesAreNamed()
    {
        using var folder = new TestFolder();
        Check(folder.Path("none.jpg"), ImageProblem.Unreadable);
        Check(folder.Root, ImageProblem.Unreadable);
        Check(folder.Write("empty.jpg", []), ImageProblem.Empty);
        Check(folder.Write("page.jpg", "<html>404 not found</html>"), ImageProblem.UnknownFormat);
        Check(folder.Write("short.jpg", [0xFF, 0xD8, 0xFF]), ImageProblem.Truncated);

        static void Check(string path, ImageProblem problem)
        {
            ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => TestImages.Decode(path))!;
            Assert.That((e.Problem, e.Path), Is.EqualTo((problem, path)), e.Message);
            Assert.That(e.Message, Does.Contain(path));
        }
    }

    [Test]
    public void HugeSizesAreRefusedBeforeAllocation()
    {
        byte[] jpeg = Reference("img3_33x47_q90_420.jpg");
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        (jpeg[frame + 5], jpeg[frame + 6], jpeg[frame + 7], jpeg[frame + 8]) = (0xFF, 0xFF, 0xFF, 0xFF);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Fails(jpeg).Problem, Is.EqualTo(ImageProblem.TooLarge));
        (jpeg[frame + 5], jpeg[frame + 7]) = (0x20, 0x20);
        Assert.That(Fails(jpeg).Problem, Is.EqualTo(ImageProblem.Truncated), "67 megapixels in 2 kB");
        byte[] png = Reference("img2_64x64.png");
        (png[16], png[20]) = (0x10, 0x10);
        Assert.That(Fails(png).Problem, Is.EqualTo(ImageProblem.TooLarge).Or.EqualTo(ImageProblem.Corrupt));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20));
        Assert.That(Fails(Reference("img2_64x64.png"), new ImageDecoderOptions { MaxPixels = 64 * 64 - 1 }).Message,
            Does.Contain("64 x 64"));
    }

    /// <summary>Cuts and random bytes in every reference image: an image or an ImageDecodeException, nothing else.</summary>
    [Test]
    public void DamagedFilesGiveTypedErrors()
    {
        var random = new Random(7);
        using var strict = new ImageDecoder();
        using var filling = new ImageDecoder(new ImageDecoderOptions { FillTruncated = true, ApplyExifOrientation = true });
        using var image = new RgbImage();
        int failures = 0;
        foreach (string file in Directory.GetFiles(ReferenceData.PathOf("images")).Concat(Directory.GetFiles(ReferenceData.PathOf("jpeg")))
            .Order(StringComparer.Ordinal))
        {
            byte[] whole = File.ReadAllBytes(file);
            if (whole.Length > 30_000)
                continue;
            for (int trial = 0; trial < 45; trial++)
            {
                byte[] data = whole[..(trial % 3 == 0 ? random.Next(whole.Length + 1) : whole.Length)];
                for (int i = random.Next(6); i > 0 && data.Length > 0; i--)
                    data[random.Next(trial % 2 == 0 ? Math.Min(700, data.Length) : data.Length)] = (byte)random.Next(256);
                foreach (ImageDecoder decoder in (ImageDecoder[])[strict, filling])
                {
                    try
                    {
                        decoder.Decode(data, image);
                    }
                    catch (ImageDecodeException e)
                    {
                        failures++;
                        // This project's own decoder raises nothing else itself, either.
                        if (data is [0xFF, 0xD8, 0xFF, ..])
                            Assert.That(e.InnerException, Is.Null.Or.InstanceOf<ImageDecodeException>(), $"{file}, trial {trial}");
                    }
                }
            }
        }
        Assert.That(failures, Is.GreaterThan(300));
    }

    [Test]
    public void SteadyStateAllocatesNothingForJpeg()
    {
        byte[] data = Reference("img0_500x375_q90_420.jpg");
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        decoder.Decode(data, image);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            decoder.Decode(data, image);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }
}
