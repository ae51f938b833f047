using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;
using SixLabors.ImageSharp.Formats.Jpeg;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Decoding a part of an image gives the pixels that decoding all of it gives there, and the same errors.</summary>
public class PartialDecodingTests
{
    /// <summary>JPEGs of every sampling, odd sizes, grey, RGB, CMYK, YCCK, progressive, with restart intervals.</summary>
    static IEnumerable<string> Files =>
    [
        .. Directory.GetFiles(ReferenceData.PathOf("jpeg"), "*.jpg").Select(f => "jpeg/" + Path.GetFileName(f))
            .Order(StringComparer.Ordinal),
        .. Directory.GetFiles(ReferenceData.PathOf("images"), "*.jpg").Select(f => "images/" + Path.GetFileName(f))
        .Order(StringComparer.Ordinal),
    ];

    static byte[] Load(string file) => File.ReadAllBytes(ReferenceData.PathOf(file));

    [TestCaseSource(nameof(Files))]
    public void PartsOfTheReferenceImages(string file) => CheckParts(Load(file), ImageDecoderOptions.Default, 60);

    [Test]
    public void PartsOfPngs([Values] bool interlaced, [Values(1, 6)] int orientation)
    {
        byte[] png = TestImages.Png(53, 38, 2, 8, Array.ConvertAll(TestImages.Pixels(53, 38), b => (ushort)b), interlaced: interlaced,
            filters: SeededRandom());
        byte[] exif = TestImages.PngChunk("eXIf", [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0,
            0, 0, 0]);
        png = [.. png[..33], .. exif, .. png[33..]];
        var options = new ImageDecoderOptions { ApplyExifOrientation = true };
        CheckParts(png, options, 40);
        for (int length = png.Length - 1; length > 8; length -= 97)
            CheckParts(png[..length], options, 2);
    }

    [Test]
    public void PartsOfRandomImages(
        [Values(JpegColorType.YCbCrRatio444, JpegColorType.YCbCrRatio420, JpegColorType.YCbCrRatio422, JpegColorType.YCbCrRatio411,
            JpegColorType.YCbCrRatio410, JpegColorType.Luminance, JpegColorType.Rgb, JpegColorType.Cmyk)] JpegColorType color)
    {
        Random random = SeededRandom();
        for (int trial = 0; trial < 12; trial++)
            CheckParts(TestImages.Jpeg(random.Next(1, 90), random.Next(1, 90), random.Next(100), color), ImageDecoderOptions.Default, 20);
    }

    [Test]
    public void PartsOfTurnedImages([Range(1, 8)] int orientation, [Values] bool behindTheImage)
    {
        byte[] upright = TestImages.Jpeg(53, 38),
            exif = [0xFF, 0xE1, 0, 34, .. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0,
                0, 0];
        byte[] turned = behindTheImage ? [.. upright[..^2], .. exif, .. upright[^2..]] : [.. upright[..2], .. exif, .. upright[2..]];
        CheckParts(turned, new ImageDecoderOptions { ApplyExifOrientation = true }, 40);
        CheckParts(turned, ImageDecoderOptions.Default, 10);
    }

    /// <summary>Wherever a file is cut, every part of it gives what the whole gives: the same pixels or the same error. So does one
    /// whose end marker alone is missing, or whose rest is zeros.</summary>
    [Test]
    public void AFileThatIsCutShortIsFoundWhateverPartIsNeeded(
        [Values("images/img0_500x375_q90_420.jpg", "jpeg/restart1_420_37x29.jpg", "images/img3_33x47_q90_420_progressive.jpg")] string file,
        [Values] bool zeros, [Values] bool fill)
    {
        Random random = SeededRandom();
        byte[] whole = Load(file);
        var options = new ImageDecoderOptions { FillTruncated = fill };
        for (int trial = 0; trial < 12; trial++)
        {
            int length = trial == 0 ? whole.Length - 2 : random.Next(whole.Length / 8, whole.Length);
            byte[] cut = whole[..length];
            CheckParts(zeros ? [.. cut, .. new byte[whole.Length - length]] : cut, options, 6);
        }
    }

    /// <summary>Damage above the last needed row is the same error; none appears that the whole image does not have.</summary>
    [Test]
    public void DamageIsFoundAsFarAsItIsRead()
    {
        Random random = SeededRandom();
        using var decoder = new ImageDecoder();
        using RgbImage whole = new(), part = new();
        int found = 0, passed = 0;
        for (int trial = 0; trial < 300; trial++)
        {
            byte[] data = Load("images/img3_33x47_q90_420.jpg");
            data[random.Next(623, data.Length - 2)] = (byte)random.Next(256);
            CropBox box = RandomBox(random, 33, 47);
            ImageDecodeException? expected = Attempt(() => decoder.Decode(data, whole));
            ImageDecodeException? actual = Attempt(() => DecodePart(decoder, data, box, part));
            if (expected is null)
                Assert.That(actual, Is.Null, $"trial {trial}");
            else if (actual is null)
                Assert.That(box.Top + box.Height, Is.LessThanOrEqualTo(32), "the last row of blocks was not read");
            else
                Assert.That(actual.Problem, Is.EqualTo(expected.Problem));
            found += actual is null ? 0 : 1;
            passed += expected is not null && actual is null ? 1 : 0;
        }
        Assert.That((found, passed), Is.GreaterThan((20, 0)));
    }

    [Test]
    public void BoxesBeyondTheImageAreCutOff()
    {
        using var decoder = new ImageDecoder();
        using RgbImage image = new();
        byte[] data = TestImages.Jpeg(20, 10);
        foreach (CropBox box in (CropBox[])[new(-5, -5, 100, 100), new(50, 50, 1, 1), new(0, 0, 0, 0),
            new(9, 19, int.MaxValue, int.MaxValue)])
            Assert.That(() => DecodePart(decoder, data, box, image).Width, Is.EqualTo(20));
    }

    /// <summary>Transforms read nothing outside the region that they name: with everything else overwritten the result is the
    /// same.</summary>
    [Test]
    public void TransformsReadOnlyTheirRegion()
    {
        Random random = SeededRandom();
        using var resampler = new Resampler();
        using var image = new RgbImage();
        for (int trial = 0; trial < 60; trial++)
        {
            int width = random.Next(24, 90), height = random.Next(24, 90), size = random.Next(1, 24);
            ImageTransform transform = (trial % 4) switch
            {
                0 => new RandomResizedCrop(size, random.Next(1, 40), interpolation: Interpolation.Bicubic),
                1 => new EvalTransform(size, size, 0.3 + 0.7 * random.NextDouble(), (Interpolation)random.Next(2)),
                2 => new EvalTransform(size, random.Next(1, 24), 0.3 + 0.7 * random.NextDouble()),
                _ => new PaddedCrop(size, size),
            };
            byte[] pixels = TestImages.Pixels(width, height, trial), expected = new byte[transform.OutputBytes],
                actual = new byte[transform.OutputBytes];
            var draws = new RandomSequence((ulong)trial, 3);
            RandomSequence sequence = draws;
            CropBox box = transform.Region(transform.Draw(width, height, ref sequence));
            foreach (bool spoil in (bool[])[false, true])
            {
                image.Resize(width, height);
                pixels.CopyTo(image.Pixels);
                for (int i = 0; spoil && i < pixels.Length; i++)
                {
                    if (!Contains(box, i / 3 % width, i / 3 / width))
                        image.Pixels[i] ^= 0x55;
                }
                transform.ApplyTo(image, resampler, draws, spoil ? actual : expected);
            }
            Assert.That(actual.AsSpan().SequenceEqual(expected), $"trial {trial}: {transform}, {width} x {height}, {box}");
            if (trial % 4 == 0)
                Assert.That(box.Width * box.Height, Is.LessThanOrEqualTo(width * height));
        }
    }

    /// <summary>The loader's batches are those of whole images, whatever it leaves out.</summary>
    [Test]
    public void TheLoaderGivesWhatWholeImagesGive([Values] bool applyExif)
    {
        using var folder = new TestFolder();
        foreach (string file in Files.Where(f => new FileInfo(ReferenceData.PathOf(f)).Length < 30_000))
            folder.Write($"c/{Path.GetFileName(file)}", Load(file));
        folder.Write("c/plain.png", TestImages.Png(31, 22));
        var data = ImageFolderDataset.Open(folder.Root);
        var options = new ImageDecoderOptions { ApplyExifOrientation = applyExif };
        using var decoder = new ImageDecoder(options);
        using var resampler = new Resampler();
        using var image = new RgbImage();
        foreach (ImageTransform transform in (ImageTransform[])[new RandomResizedCrop(9, 8), new EvalTransform(3, 3),
            new EvalTransform(2, 3), new PaddedCrop(6, 6)])
        {
            byte[] expected = new byte[transform.OutputBytes];
            using var loader = new ImageLoader(data, transform, LoaderOptions.Evaluation(7, 2) with { Seed = 11, Decoder = options });
            foreach (ImageBatch batch in loader.Epoch(5))
            {
                for (int i = 0; i < batch.Count; i++)
                {
                    data.Read(batch.Indices[i], image, decoder);
                    var random = new RandomSequence(11, Streams.Augmentation | 5UL << 32 | (uint)batch.Indices[i]);
                    transform.Apply(transform.Draw(image.Width, image.Height, ref random), image, resampler, expected);
                    Assert.That(batch.Pixels.Slice(i * expected.Length, expected.Length).SequenceEqual(expected),
                        data.Describe(batch.Indices[i]));
                }
            }
        }
    }

    [Test]
    public void SteadyStateAllocatesNothing()
    {
        byte[] data = Load("images/img0_500x375_q90_420.jpg");
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        var transform = new RandomResizedCrop(32, 32);
        decoder.Decode(data, image);
        long before = 0;
        for (int i = -2; i < 20; i++)
        {
            if (i == 0)
                before = GC.GetAllocatedBytesForCurrentThread();
            var random = new RandomSequence(1, (ulong)i);
            (int width, int height) = decoder.Open(data);
            decoder.Decode(transform.Region(transform.Draw(width, height, ref random)), image);
        }
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    /// <summary>Compares random parts, each from a decoder whose image holds something else, with the whole.</summary>
    static void CheckParts(byte[] data, ImageDecoderOptions options, int parts)
    {
        Random random = SeededRandom();
        using var decoder = new ImageDecoder(options);
        using RgbImage whole = new(), part = new();
        ImageInfo expected = default;
        ImageDecodeException? error = Attempt(() => expected = decoder.Decode(data, whole));
        for (int i = 0; i < parts; i++)
        {
            CropBox box = default;
            ImageInfo actual = default;
            int fill = random.Next(256);
            ImageDecodeException? partial = Attempt(() =>
            {
                (int width, int height) = decoder.Open(data);
                part.Resize(width, height);
                part.Pixels.Fill((byte)fill);
                box = RandomBox(random, width, height);
                actual = decoder.Decode(box, part);
            });
            Assert.That(partial?.Problem, Is.EqualTo(error?.Problem));
            if (error is not null)
                continue;
            Assert.That(actual, Is.EqualTo(expected));
            Assert.That((part.Width, part.Height), Is.EqualTo((whole.Width, whole.Height)));
            for (int y = box.Top; y < box.Top + box.Height; y++)
            {
                int from = box.Left * 3, count = box.Width * 3;
                Assert.That(part.Row(y).Slice(from, count).SequenceEqual(whole.Row(y).Slice(from, count)), $"row {y} of {box}");
            }
        }
    }

    static ImageInfo DecodePart(ImageDecoder decoder, byte[] data, CropBox box, RgbImage image)
    {
        decoder.Open(data);
        return decoder.Decode(box, image);
    }

    static ImageDecodeException? Attempt(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (ImageDecodeException e)
        {
            return e;
        }
    }

    static CropBox RandomBox(Random random, int width, int height)
    {
        int w = random.Next(1, width + 1), h = random.Next(1, height + 1);
        return new CropBox(random.Next(height - h + 1), random.Next(width - w + 1), h, w);
    }

    static bool Contains(CropBox box, int x, int y) =>
        x >= box.Left && x < box.Left + box.Width && y >= box.Top && y < box.Top + box.Height;

    static Random SeededRandom()
    {
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        return new Random(seed);
    }
}
