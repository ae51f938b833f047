using System.Diagnostics;
using System.Security.Cryptography;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>JPEGs that are damaged or odd are decoded to the pixels that Pillow 9.4 with libjpeg-turbo 2.1.5 makes of them, and told.
/// The files are <c>Reference/jpeg_damaged</c>: in <c>kinds</c> one for each thing that libjpeg-turbo treats in its own way, in
/// <c>mutants.txt</c> changes to the sound ones of <c>whole</c>, each with the beginning of the SHA-1 of the pixels.</summary>
public class DamagedJpegTests
{
    const string Folder = "jpeg_damaged";
    static readonly ImageDecoderOptions Filling = new() { FillTruncated = true };

    static IEnumerable<TestCaseData> Kinds => Lines("kinds.txt").Select(l => new TestCaseData(l[0], l[1], l[2]).SetArgDisplayNames(l[0]));

    [TestCaseSource(nameof(Kinds))]
    public void KindGivesLibjpegTurbosPixels(string kind, string expected, string warnings)
    {
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        ImageInfo info = decoder.Decode(File.ReadAllBytes(ReferenceData.PathOf($"{Folder}/kinds/{kind}.jpg")), image);
        Assert.That((Hash(image), info.Warnings, info.Filled), Is.EqualTo((expected, Enum.Parse<ImageWarnings>(warnings), false)));
    }

    /// <summary>Whole and in part, with and without filling.</summary>
    [Test]
    public void MutantsGiveLibjpegTurbosPixels()
    {
        var random = new Random(5);
        int errors = 0, warned = 0;
        foreach (Mutant mutant in Mutants())
        {
            bool isCut = mutant.Kind == "cut";
            (string whole, ImageInfo info) = Decode(mutant.Data, isCut ? Filling : ImageDecoderOptions.Default, random, mutant.ToString());
            Assert.That(whole, Is.EqualTo(mutant.Hash), mutant.ToString());
            if (isCut)
            {
                Assert.That(info.Filled, mutant.ToString());
                Assert.That(Decode(mutant.Data, ImageDecoderOptions.Default, random, mutant.ToString()).Hash, Is.EqualTo("error"));
            }
            errors += whole == "error" ? 1 : 0;
            warned += info.Warnings != ImageWarnings.None ? 1 : 0;
            if (!isCut)
                Decode(mutant.Data, Filling, random, mutant.ToString());
        }
        Assert.That((errors, warned), Is.GreaterThan((40, 300)));
    }

    [TestCase(0xC1, 12, "12 bits")]
    [TestCase(0xC0, 12, "12 bits")]
    [TestCase(0xC9, 8, "arithmetic coding")]
    [TestCase(0xC3, 8, "lossless")]
    [TestCase(0xC5, 8, "hierarchical")]
    public void WhatIsNotReadIsRefusedByName(int frame, int bits, string expected)
    {
        byte[] data = File.ReadAllBytes(ReferenceData.PathOf($"{Folder}/kinds/end_marker_missing.jpg"));
        int at = data.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        (data[at + 1], data[at + 4]) = ((byte)frame, (byte)bits);
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => TestImages.Decode(data).Dispose())!;
        Assert.That(e.Problem, Is.EqualTo(ImageProblem.Unsupported));
        Assert.That(e.Message, Does.Contain(expected));
    }

    [Test]
    public void ScansAreCountedBeforeTheyAreDecoded()
    {
        byte[] data = File.ReadAllBytes(ReferenceData.PathOf($"{Folder}/whole/progressive_grey_40x33.jpg"));
        Assert.That(() => TestImages.Decode(Repeated(data, 490)).Dispose(), Throws.Nothing);
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => TestImages.Decode(Repeated(data, 500)))!;
        Assert.That(e.Problem, Is.EqualTo(ImageProblem.TooLarge));
        Assert.That(e.Message, Does.Contain("500 scans"));
    }

    /// <summary>A scan of nothing but runs of empty blocks takes few bytes, however many blocks there are.</summary>
    [Test]
    public void EmptyScansCostLittle()
    {
        byte[] data = File.ReadAllBytes(ReferenceData.PathOf($"{Folder}/kinds/dc_scan_alone_grey_2x2.jpg"));
        int frame = data.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC2]);
        (data[frame + 5], data[frame + 6], data[frame + 7], data[frame + 8]) = (0x07, 0xD0, 0x07, 0xD0);
        // One code, of a run of 2^14 blocks at least.
        byte[] table = [0xFF, 0xC4, 0, 20, 0x10, 1, .. new byte[15], 0xE0];
        byte[] first = [0xFF, 0xDA, 0, 8, 1, data[frame + 10], 0, 1, 63, 0x01, .. new byte[16]];
        byte[] refining = [0xFF, 0xDA, 0, 8, 1, data[frame + 10], 0, 1, 63, 0x10, .. new byte[16]];
        byte[] bomb = [.. data[..^2], .. table, .. first, .. Enumerable.Repeat(refining, 400).SelectMany(s => s), 0xFF, 0xD9];
        long started = Stopwatch.GetTimestamp();
        using RgbImage image = TestImages.Decode(bomb);
        Assert.That(image.Width, Is.EqualTo(2000));
        Assert.That(Stopwatch.GetElapsedTime(started), Is.LessThan(TimeSpan.FromSeconds(20)));
    }

    /// <summary>The last scan once more so many times.</summary>
    static byte[] Repeated(byte[] data, int times)
    {
        byte[] scan = data[data.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA])..^2];
        return [.. data[..^2], .. Enumerable.Repeat(scan, times).SelectMany(s => s), 0xFF, 0xD9];
    }

    /// <summary>Decodes all of an image, and checks that parts of it are the same.</summary>
    static (string Hash, ImageInfo Info) Decode(byte[] data, ImageDecoderOptions options, Random random, string name)
    {
        using var decoder = new ImageDecoder(options);
        using RgbImage whole = new(), part = new();
        ImageInfo info = default;
        string? error = null;
        try
        {
            info = decoder.Decode(data, whole);
        }
        catch (ImageDecodeException e)
        {
            error = e.Message;
        }
        for (int i = 0; i < 3; i++)
        {
            try
            {
                (int width, int height) = decoder.Open(data);
                int w = random.Next(1, width + 1), h = random.Next(1, height + 1);
                var box = new CropBox(random.Next(height - h + 1), random.Next(width - w + 1), h, w);
                bool filled = decoder.Decode(box, part).Filled;
                Assert.That((error, filled), Is.EqualTo(((string?)null, info.Filled)), name);
                for (int y = box.Top; y < box.Top + h; y++)
                {
                    Assert.That(part.Row(y).Slice(box.Left * 3, w * 3).SequenceEqual(whole.Row(y).Slice(box.Left * 3, w * 3)),
                        $"{name}, row {y} of {box}");
                }
            }
            catch (ImageDecodeException e)
            {
                Assert.That(e.Message, Is.EqualTo(error), name);
            }
        }
        return (error is null ? Hash(whole) : "error", info);
    }

    static string Hash(RgbImage image) => Convert.ToHexStringLower(SHA1.HashData(image.Pixels))[..16];

    static IEnumerable<string[]> Lines(string file) =>
        File.ReadLines(ReferenceData.PathOf($"{Folder}/{file}")).Select(l => l.Split(' '));

    /// <summary>Lines are: the file, the kind of change, the first byte, how many go, what comes instead, the hash.</summary>
    static IEnumerable<Mutant> Mutants()
    {
        foreach (string[] line in Lines("mutants.txt"))
        {
            byte[] whole = File.ReadAllBytes(ReferenceData.PathOf($"{Folder}/whole/{line[0]}.jpg"));
            int at = int.Parse(line[2]), length = int.Parse(line[3]);
            byte[] changed = line[4] == "-" ? [] : Convert.FromHexString(line[4]);
            yield return new Mutant(line[0], line[1], at, [.. whole[..at], .. changed, .. whole[(at + length)..]], line[5]);
        }
    }

    sealed record Mutant(string File, string Kind, int At, byte[] Data, string Hash)
    {
        public override string ToString() => $"{File}, {Kind} at {At}";
    }
}
