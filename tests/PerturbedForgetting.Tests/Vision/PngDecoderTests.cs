using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Imaging.Png;

namespace PerturbedForgetting.Tests.Vision;

public class PngDecoderTests
{
    static byte[] Decode(byte[] data, ImageDecoderOptions? options = null)
    {
        using RgbImage image = TestImages.Decode(data, options);
        return image.Pixels.ToArray();
    }

    static ImageDecodeException Fails(byte[] data) => Assert.Throws<ImageDecodeException>(() => Decode(data))!;

    static byte[] Pack(byte[] data)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(data);
        return packed.ToArray();
    }

    /// <summary>A PNG of given chunks between header and end; grey of 8 bits unless told otherwise.</summary>
    static byte[] Png(int width, int height, byte[][] chunks, int colorType = 0, int depth = 8) =>
        [.. TestImages.PngSignature, .. TestImages.PngHeader(width, height, colorType, depth, interlaced: false),
            .. chunks.SelectMany(c => c), .. TestImages.PngChunk("IEND", [])];

    static byte[] Data(params byte[] packed) => TestImages.PngChunk("IDAT", packed);

    /// <summary>Puts the check sums of all chunks right.</summary>
    static byte[] Repair(byte[] png)
    {
        for (long at = 8; at + 12 <= png.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan((int)at));
            if (at + 12 + length > png.Length)
                break;
            Span<byte> rest = png.AsSpan((int)at + 4);
            BinaryPrimitives.WriteUInt32BigEndian(rest[((int)length + 4)..], Crc32.HashToUInt32(rest[..((int)length + 4)]));
            at += 12 + length;
        }
        return png;
    }

    // Hashes of what Pillow makes of them.
    [TestCase("01a_hang_valid_interlaced_4x2.png", "cf68900f9e98d7de433333f1cfdf83fc7900c4e5")]
    [TestCase("01c_wrong_valid_interlaced_4x5.png", "95dd1a67a9bf7bda771360f3f21c8dd0c62e782e")]
    public void NarrowInterlacedImagesEqualPillows(string file, string sha1) =>
        Assert.That(Convert.ToHexStringLower(SHA1.HashData(Decode(File.ReadAllBytes(ReferenceData.PathOf("faults/" + file))))),
            Is.EqualTo(sha1));

    [Test]
    public void InterlacedImagesWithShortDataAreCutShort() =>
        Assert.That(Fails(File.ReadAllBytes(ReferenceData.PathOf("faults/01d_hang_interlaced_100x100_short_data.png"))).Problem,
            Is.EqualTo(ImageProblem.Truncated));

    [Test]
    public void InterlacedImagesOfEverySizeAreRead([Values(1, 4, 8, 16)] int depth)
    {
        var random = new Random(depth);
        for (int size = 0; size < 100; size++)
        {
            int width = size % 10 + 1, height = size / 10 + 1;
            var samples = new ushort[width * height];
            for (int i = 0; i < samples.Length; i++)
                samples[i] = (ushort)random.Next(1 << depth);
            byte[] rows = Decode(TestImages.Png(width, height, 0, depth, samples, filters: random));
            byte[] passes = Decode(TestImages.Png(width, height, 0, depth, samples, interlaced: true, filters: random));
            for (int i = 0; i < rows.Length; i++)
                Assert.That(rows[i], Is.EqualTo(depth == 16 ? samples[i / 3] >> 8 : samples[i / 3] * 255 / ((1 << depth) - 1)));
            Assert.That(passes, Is.EqualTo(rows), $"{width} x {height}");
        }
    }

    [Test]
    public void EveryFilterOfEveryPixelIsUndone([Values(0, 2, 4, 6)] int colorType, [Values(8, 16)] int depth, [Values] bool interlaced)
    {
        var random = new Random(colorType + depth);
        int channels = colorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        foreach ((int width, int height) in ((int, int)[])[(1, 7), (2, 2), (37, 20), (300, 90)])
        {
            var samples = new ushort[width * height * channels];
            for (int i = 0; i < samples.Length; i++)
                samples[i] = (ushort)random.Next(1 << depth);
            byte[] pixels = Decode(TestImages.Png(width, height, colorType, depth, samples, interlaced: interlaced, filters: random));
            for (int i = 0; i < pixels.Length; i++)
            {
                int sample = samples[i / 3 * channels + (channels >= 3 ? i % 3 : 0)];
                if (pixels[i] != sample >> (depth - 8))
                    Assert.Fail($"sample {i} of {width} x {height}: {pixels[i]} for {sample}");
            }
        }
    }

    [Test]
    public void NumbersBeyondThePaletteAreGrey()
    {
        byte[] pixels = Decode(Png(3, 1, [TestImages.PngChunk("PLTE", [9, 8, 7, 6, 5, 4, 3]), Data(Pack([0, 1, 2, 200]))], colorType: 3));
        Assert.That(pixels, Is.EqualTo(new byte[] { 6, 5, 4, 2, 2, 2, 200, 200, 200 }));
    }

    [Test]
    public void DataMayComeInManyChunks()
    {
        byte[] packed = Pack([0, 1, 2, 3]), expected = [1, 1, 1, 2, 2, 2, 3, 3, 3];
        Assert.That(Decode(Png(3, 1, [Data(), Data(packed[..1]), Data(), Data(packed[1..4]), Data(packed[4..]), Data()])),
            Is.EqualTo(expected));
        Assert.That(Decode(Png(3, 1, [Data([.. packed, 1, 2, 3])])), Is.EqualTo(expected), "bytes behind the packed data");
        Assert.That(Decode(Png(3, 1, [Data(Pack([0, 1, 2, 3, 0, 4, 5, 6]))])), Is.EqualTo(expected), "a row too many");
        Assert.That(Decode([.. Png(3, 1, [Data(packed)]), 1, 2, 3]), Is.EqualTo(expected), "bytes behind the end");
        Assert.That(Fails(Png(3, 1, [Data(packed[..4]), TestImages.PngChunk("tEXt", [65, 0]), Data(packed[4..])])).Problem,
            Is.EqualTo(ImageProblem.Truncated), "chunks of data that do not follow each other");
    }

    /// <summary>Metadata that unpack to a gigabyte, or are damaged, are passed over.</summary>
    [Test]
    public void MetadataAreNotRead()
    {
        byte[] bomb = Pack(new byte[100 << 20]), expected = [1, 1, 1];
        byte[] damaged = TestImages.PngChunk("gAMA", [1, 2, 3]);
        damaged[^1] ^= 1;
        byte[] image = Png(1, 1,
        [
            TestImages.PngChunk("zTXt", [65, 0, 0, .. bomb]), TestImages.PngChunk("iTXt", [65, 0, 1, 0, 0, 0, .. bomb]),
            TestImages.PngChunk("iCCP", [65, 0, 0, .. bomb]), damaged, TestImages.PngChunk("tRNS", [1, 2, 3, 4, 5]),
            Data(Pack([0, 1])), TestImages.PngChunk("fdAT", [0, 0, 0, 1, .. bomb]),
        ]);
        using var decoder = new ImageDecoder();
        using var pixels = new RgbImage();
        long before = GC.GetAllocatedBytesForCurrentThread();
        decoder.Decode(image, pixels);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
        Assert.That(pixels.Pixels.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void TheOrientationIsReadWhereverItIs([Values] bool behindTheData)
    {
        byte[] exif = TestImages.PngChunk("eXIf", [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
        byte[] data = Data(Pack([0, 1, 2, 0, 3, 4, 0, 5, 6]));
        byte[] image = Png(2, 3, behindTheData ? [data, exif] : [exif, data]);
        using RgbImage turned = TestImages.Decode(image, new ImageDecoderOptions { ApplyExifOrientation = true });
        Assert.That((turned.Width, turned.Height), Is.EqualTo((3, 2)));
        byte[] grey = [.. turned.Pixels.ToArray().Where((_, i) => i % 3 == 0)];
        Assert.That(grey, Is.EqualTo(new byte[] { 5, 3, 1, 6, 4, 2 }));
    }

    [Test]
    public void DamageIsNamed()
    {
        byte[] packed = Pack([0, 1]), sum = Data(packed), wrongSum = [.. packed[..^1], (byte)(packed[^1] ^ 1)];
        sum[^1] ^= 1;
        Check(ImageProblem.Corrupt, "check sum of the chunk IDAT", Png(1, 1, [sum]));
        Check(ImageProblem.Corrupt, "cannot be unpacked", Png(1, 1, [Data(wrongSum)]));
        Check(ImageProblem.Corrupt, "cannot be unpacked", Png(1, 1, [Data(1, 2, 3, 4, 5, 6)]));
        Check(ImageProblem.Corrupt, "no filter 5", Png(1, 1, [Data(Pack([5, 1]))]));
        Check(ImageProblem.Corrupt, "no image data", Png(1, 1, []));
        Check(ImageProblem.Corrupt, "no palette", Png(1, 1, [Data(packed)], colorType: 3));
        Check(ImageProblem.Corrupt, "300 colours", Png(1, 1, [TestImages.PngChunk("PLTE", new byte[900]), Data(packed)], colorType: 3));
        Check(ImageProblem.Corrupt, "no colour type 3 of 16 bits", Png(1, 1, [Data(packed)], colorType: 3, depth: 16));
        Check(ImageProblem.Corrupt, "0 x 1", Png(0, 1, [Data(packed)]));
        Check(ImageProblem.Corrupt, "as text", [.. TestImages.PngSignature[..4], 10, .. Png(1, 1, [Data(packed)])[5..]]);
        Check(ImageProblem.Truncated, "end within", Png(1, 2, [Data(packed)]));
        Check(ImageProblem.Truncated, "too short for its size", Png(10_000, 10_000, [Data(packed)]));
        Check(ImageProblem.TooLarge, "its rows have", Png(70_000_000, 1, [Data(packed)]));
        Check(ImageProblem.Unsupported, PngDecoder.Format.Refuses[0],
            [.. TestImages.PngSignature, .. TestImages.PngChunk("CgBI", [0, 0, 0, 0]), .. Png(1, 1, [Data(packed)])[8..]]);

        static void Check(ImageProblem problem, string words, byte[] image)
        {
            ImageDecodeException e = Fails(image);
            Assert.That((e.Problem, e.Reason), Is.EqualTo((problem, e.Reason)));
            Assert.That(e.Reason, Does.Contain(words));
        }
    }

    static IEnumerable<byte[]> Kinds()
    {
        var random = new Random(3);
        ushort[] samples = [.. Enumerable.Range(0, 4 * 13 * 11).Select(_ => (ushort)random.Next(4))];
        foreach (bool interlaced in (bool[])[false, true])
        {
            yield return TestImages.Png(13, 11, 2, 8, samples[..(3 * 13 * 11)], interlaced: interlaced, filters: random);
            yield return TestImages.Png(13, 11, 6, 16, samples, interlaced: interlaced, filters: random);
            yield return TestImages.Png(13, 11, 3, 2, samples[..(13 * 11)], new byte[12], [1, 2], interlaced, random);
        }
    }

    [Test]
    public void AFileThatIsCutAnywhereIsAnError()
    {
        foreach (byte[] image in Kinds())
            Mutants.CheckPrefixes(image, image.Length);
    }

    [Test]
    public void DamagedFilesGivePixelsOrTypedErrors()
    {
        foreach (byte[] image in Kinds())
            Assert.That(Mutants.Check(image, 400, Repair), Is.GreaterThan(100));
    }
}
