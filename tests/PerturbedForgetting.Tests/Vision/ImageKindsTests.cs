using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Kinds of BMP, PNM, TIFF, TGA and WebP that other decoders took for something else.</summary>
sealed class ImageKindsTests
{
    static byte[] Pixels(byte[] data, ImageDecoderOptions? options = null)
    {
        using RgbImage image = TestImages.Decode(data, options);
        return image.Pixels.ToArray();
    }

    static ImageProblem Problem(byte[] data) => Assert.Throws<ImageDecodeException>(() => Pixels(data))!.Problem;

    // Hashes of what Pillow 9.4 makes of these files.
    [TestCase("bilevel_by_pillow.tif", "7b050bf8d8cd3d08ef2a6618325ba5f97960dff5")]
    [TestCase("group4_by_pillow.tif", "7b050bf8d8cd3d08ef2a6618325ba5f97960dff5")]
    [TestCase("rgb16.ppm", "b1ae0cab8542ab7f762d54ee38e5ef8304394be0")]
    [TestCase("plain.pbm", "93c2428804410bf856fd8b771baac4a4e7077602")]
    [TestCase("rle8_by_imagemagick.bmp", "078a6e547f9968d9145fa28a7ae24df812c592a5")]
    public void PixelsAreThoseOfPillow(string file, string sha1) =>
        Assert.That(Convert.ToHexStringLower(SHA1.HashData(Pixels(File.ReadAllBytes(TestImages.PathOf(file))))), Is.EqualTo(sha1));

    [Test]
    public void Grey16OfPgmKeepsTheHighByte()
    {
        byte[] data = File.ReadAllBytes(TestImages.PathOf("grey16.pgm"));
        byte[] pixels = Pixels(data);
        for (int i = 0; i < pixels.Length; i++)
            Assert.That(pixels[i], Is.EqualTo(i / 3 * 16));
        Assert.That(Pixels(data, new ImageDecoderOptions { Grey16 = Grey16Conversion.Clamp })[3..], Is.All.EqualTo(255));
    }

    [Test]
    public void ACutTiffIsTruncated() =>
        Assert.That(Problem(File.ReadAllBytes(TestImages.PathOf("cut_to_a_fifth.tif"))), Is.EqualTo(ImageProblem.Truncated));

    [Test]
    public void ACutPlainPpmIsTruncated()
    {
        var text = new StringBuilder("P3\n20 20\n255\n");
        for (int i = 0; i < 1200; i++)
            text.Append(i % 256).Append(i % 15 == 14 ? '\n' : ' ');
        byte[] data = Encoding.ASCII.GetBytes(text.ToString());
        Assert.That(Pixels(data)[700], Is.EqualTo(700 % 256));
        Assert.That(Problem(data[..(data.Length / 2)]), Is.EqualTo(ImageProblem.Truncated));
    }

    /// <summary>Empty lines, a jump, and a stored piece of an odd count, which Pillow misreads.</summary>
    [Test]
    public void RunsOfABmpMayLeaveOutPixels()
    {
        byte[] runs = [3, 0x12, 0, 0, 0, 0, 0, 2, 1, 1, 0, 3, 0x12, 0x10, 0, 1];
        byte[] pixels = Pixels(RunLengthBmp(5, 4, runs));
        // Rows from the bottom: three pixels, nothing, a jump to the second column of the row after, three stored ones.
        string[] rows = ["01210", "00000", "00000", "12100"];
        for (int i = 0; i < pixels.Length; i++)
            Assert.That(pixels[i], Is.EqualTo((rows[i / 15][i / 3 % 5] - '0') * 100), $"sample {i}");
        Assert.That(Problem(RunLengthBmp(5, 4, [5, 0x11, 0, 0, 0, 1])), Is.EqualTo(ImageProblem.Corrupt), "two rows are missing");
        Assert.That(Problem(RunLengthBmp(5, 4, [5, 0x11, 0, 0, 0])), Is.EqualTo(ImageProblem.Truncated));
    }

    static byte[] RunLengthBmp(int width, int height, byte[] runs)
    {
        var data = new byte[54 + 12 + runs.Length];
        "BM"u8.CopyTo(data);
        void Set(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(at), value);
        Set(2, data.Length);
        Set(10, 66);
        Set(14, 40);
        Set(18, width);
        Set(22, height);
        Set(26, 1 | 4 << 16);
        Set(30, 2);
        Set(46, 3);
        Set(58, 100 | 100 << 8 | 100 << 16);
        Set(62, 200 | 200 << 8 | 200 << 16);
        runs.CopyTo(data, 66);
        return data;
    }

    [Test]
    public void ASampleBeyondTheLargestIsDamage() => Assert.That(Problem("P2 1 1 10 46\n"u8.ToArray()), Is.EqualTo(ImageProblem.Corrupt));

    /// <summary>Deflate that asks for a dictionary, which TIFF has none of, is damage like any other.</summary>
    [Test]
    public void DeflateWithADictionaryIsDamage()
    {
        byte[] data = Tiff(4, 4, compression: 8);
        data[9] = 0xBB;
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() => Pixels(data))!;
        Assert.That(e.Problem, Is.EqualTo(ImageProblem.Corrupt));
        Assert.That(e.InnerException, Is.InstanceOf<ImageDecodeException>(), "the decoder meant it");
    }

    /// <summary>Headers promise far more than the files hold: refused before anything of that size is made.</summary>
    [Test]
    public void NothingIsMadeForPixelsThatCannotBeThere()
    {
        byte[][] files =
        [
            RunLengthBmp(10_000, 10_000, [5, 0x11, 0, 0, 0, 1]),
            Encoding.ASCII.GetBytes("P6 10000 10000 255\n0123456789"),
            Encoding.ASCII.GetBytes("P3 10000 10000 255\n0 1 2 3 4 5 6 7 8 9"),
            [0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x27, 0x10, 0x27, 24, 0, 255, 1, 2, 3],
            Tiff(10_000, 10_000, compression: 5),
            Tiff(10_000, 10_000, compression: 8),
            Tiff(10_000, 10_000, compression: 4, bits: 1),
        ];
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        foreach (byte[] file in files)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.That(() => decoder.Decode(file, image), Throws.InstanceOf<ImageDecodeException>());
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(2 << 20));
        }
    }

    /// <summary>A directory that points to itself, or has more entries than the file has bytes, ends.</summary>
    [Test]
    public void DirectoriesThatLeadNowhereEnd()
    {
        byte[] whole = Tiff(4, 4, compression: 1);
        byte[] looped = [.. whole];
        // The next directory is this one again.
        BinaryPrimitives.WriteInt32LittleEndian(looped.AsSpan(looped.Length - 4), 24);
        Assert.That(Pixels(looped), Is.EqualTo(Pixels(whole)));
        byte[] large = [(byte)'I', (byte)'I', 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 1];
        Assert.That(Problem(large), Is.EqualTo(ImageProblem.Truncated));
    }

    static byte[] Tiff(int width, int height, int compression, int bits = 8)
    {
        (int Tag, int Value)[] tags =
            [(256, width), (257, height), (258, bits), (259, compression), (262, 1), (273, 8), (277, 1), (278, height), (279, 16)];
        var data = new byte[24 + 2 + tags.Length * 12 + 4];
        "II*\0"u8.CopyTo(data);
        BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(4), 24);
        data.AsSpan(8, 16).Fill(0x78);
        BinaryPrimitives.WriteInt16LittleEndian(data.AsSpan(24), (short)tags.Length);
        for (int i = 0; i < tags.Length; i++)
        {
            Span<byte> entry = data.AsSpan(26 + 12 * i);
            BinaryPrimitives.WriteInt16LittleEndian(entry, (short)tags[i].Tag);
            BinaryPrimitives.WriteInt16LittleEndian(entry[2..], 4);
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], 1);
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], tags[i].Value);
        }
        return data;
    }
}
