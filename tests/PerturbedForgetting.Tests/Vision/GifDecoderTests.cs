using System.Security.Cryptography;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>What is expected is what Pillow 9.4 gives.</summary>
public class GifDecoderTests
{
    /// <summary>Four colours: number n is (30 n + 10, 30 n + 20, 30 n + 30).</summary>
    static readonly byte[] palette = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];

    static byte[] Decode(byte[] data)
    {
        using RgbImage image = TestImages.Decode(data);
        return image.Pixels.ToArray();
    }

    /// <summary>The red samples of a decoded image.</summary>
    static byte[] Red(byte[] data) => [.. Decode(data).Where((_, i) => i % 3 == 0)];

    static ImageDecodeException Fails(byte[] data) => Assert.Throws<ImageDecodeException>(() => Decode(data))!;

    static byte[] Number(int value) => [(byte)value, (byte)(value >> 8)];

    /// <summary>A GIF up to its first frame.</summary>
    static byte[] Screen(int width, int height, byte[] colors) =>
        [.. "GIF89a"u8, .. Number(width), .. Number(height), Flags(colors), 0, 0, .. colors];

    /// <summary>A frame whose codes all stand for themselves: the table is cleared before it changes their length.</summary>
    static byte[] Frame(int left, int top, int width, int height, byte[] pixels, int bits = 2, byte[]? colors = null,
        bool interlaced = false,
        bool end = true)
    {
        List<int> codes = [];
        for (int i = 0; i < pixels.Length; i++)
        {
            if (i % Math.Max(1, (1 << bits) - 2) == 0)
                codes.Add(1 << bits);
            codes.Add(pixels[i]);
        }
        if (end)
            codes.Add((1 << bits) + 1);
        byte flags = (byte)(Flags(colors ?? []) | (interlaced ? 0x40 : 0));
        return [0x2C, .. Number(left), .. Number(top), .. Number(width), .. Number(height), flags, .. colors ?? [], (byte)bits,
            .. Blocks(codes, bits + 1)];
    }

    static byte[] Blocks(List<int> codes, int bits)
    {
        var packed = new byte[(codes.Count * bits + 7) / 8];
        for (int i = 0; i < codes.Count * bits; i++)
            packed[i / 8] |= (byte)((codes[i / bits] >> (i % bits) & 1) << (i % 8));
        return [.. packed.Chunk(255).SelectMany(block => (byte[])[(byte)block.Length, .. block]), 0];
    }

    static byte Flags(byte[] colors) =>
        colors.Length == 0 ? (byte)0 : (byte)(0x80 | (System.Numerics.BitOperations.Log2((uint)colors.Length / 3) - 1));

    static byte[] Transparent(byte number) => [0x21, 0xF9, 4, 1, 0, 0, number, 0];

    [TestCase("02a_gif_1000_frames_2000x2000.gif", "4bab4eefd0a57be39ea266f6634e6f988fa1c47c", 2000 * 2000)]
    [TestCase("02b_gif_300_frames_500x500.gif", "72f4ce944f4ceda5a973c68067852e890d63572f", 500 * 500)]
    [TestCase("04a_gif_transparent_index0_white.gif", "ff0ba43abcd5c8d1aa360611bb83127827cc10cb", 4)]
    public void TheFirstFrameEqualsPillowsAndTakesItsOwnMemory(string file, string sha1, int pixels)
    {
        byte[] data = File.ReadAllBytes(ReferenceData.PathOf("faults/" + file));
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        long before = GC.GetAllocatedBytesForCurrentThread();
        decoder.Decode(data, image);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 * pixels + (1 << 20)));
        Assert.That(Convert.ToHexStringLower(SHA1.HashData(image.Pixels)), Is.EqualTo(sha1));
    }

    [Test]
    public void RowsOfEveryHeightAreInTheirPlaces([Range(1, 17)] int height, [Values] bool interlaced)
    {
        byte[] rows = [.. Enumerable.Range(0, height).Select(y => (byte)(y % 4))], stored = rows;
        if (interlaced)
        {
            (int Top, int Step)[] passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
            stored = [.. passes.SelectMany(p => rows.Where((_, y) => y >= p.Top && (y - p.Top) % p.Step == 0))];
        }
        byte[] pixels = [.. stored.SelectMany(row => (byte[])[row, row])];
        byte[] data = [.. Screen(2, height, palette), .. Frame(0, 0, 2, height, pixels, interlaced: interlaced), 0x3B];
        Assert.That(Red(data), Is.EqualTo(rows.SelectMany(row => (int[])[30 * row + 10, 30 * row + 10])));
    }

    /// <summary>Codes as a real encoder makes them, with strings that grow until the table is full.</summary>
    [Test]
    public void LongStringsAreExpanded([Values(2, 5, 8)] int bits, [Values] bool repeating)
    {
        var random = new Random(bits);
        byte[] pixels = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(repeating && i > 1000 ? 1 : random.Next(1 << bits)))];
        byte[] data = [.. Screen(1000, 100, []), 0x2C, 0, 0, 0, 0, .. Number(1000), .. Number(100), 0, (byte)bits,
            .. Compress(pixels, bits), 0x3B];
        Assert.That(Red(data), Is.EqualTo(pixels));
    }

    /// <summary>The usual algorithm; the table is not cleared when it is full.</summary>
    static byte[] Compress(byte[] pixels, int pixelBits)
    {
        int next = (1 << pixelBits) + 2, bits = pixelBits + 1, count = 0;
        var table = new Dictionary<(int, byte), int>();
        var packed = new List<byte> { 0 };
        Write(1 << pixelBits);
        int prefix = pixels[0];
        foreach (byte pixel in pixels.Skip(1))
        {
            if (table.TryGetValue((prefix, pixel), out int longer))
            {
                prefix = longer;
                continue;
            }
            Write(prefix);
            if (next < 4096)
            {
                table.Add((prefix, pixel), next);
                if (next++ == 1 << bits && bits < 12)
                    bits++;
            }
            prefix = pixel;
        }
        Write(prefix);
        Write((1 << pixelBits) + 1);
        return [.. packed.Chunk(255).SelectMany(block => (byte[])[(byte)block.Length, .. block]), 0];

        void Write(int code)
        {
            for (int i = 0; i < bits; i++, count++)
            {
                if (count / 8 == packed.Count)
                    packed.Add(0);
                packed[count / 8] |= (byte)((code >> i & 1) << (count % 8));
            }
        }
    }

    [Test]
    public void TheFrameLiesWhereItSays()
    {
        byte[] one = Frame(1, 1, 1, 1, [3]), large = Frame(1, 2, 2, 2, [1, 2, 3, 1]);
        Assert.That(Red([.. Screen(2, 2, palette), .. one]), Is.EqualTo(new[] { 10, 10, 10, 100 }), "around it is colour 0");
        Assert.That(Red([.. Screen(2, 2, palette), .. Transparent(2), .. one]), Is.EqualTo(new[] { 70, 70, 70, 100 }),
            "or the transparent one");
        Assert.That(Red([.. Screen(2, 2, palette), .. large]), Is.EqualTo(new[] { 10, 10, 10, 10, 10, 10, 10, 40, 70, 10, 100, 40 }),
            "the image grows with it");
        Assert.That(Red([.. Screen(0, 0, palette), .. Frame(0, 0, 2, 1, [1, 2])]), Is.EqualTo(new[] { 40, 70 }), "a screen of no size");
    }

    [Test]
    public void ColoursAreThoseOfTheNearestPalette()
    {
        byte[] own = [1, 2, 3, 4, 5, 6], pixels = [0, 1, 2, 200];
        Assert.That(Decode([.. Screen(2, 1, palette), .. Frame(0, 0, 2, 1, [0, 1], colors: own)]), Is.EqualTo(own));
        Assert.That(Red([.. Screen(4, 1, own), .. Frame(0, 0, 4, 1, pixels, bits: 8)]), Is.EqualTo(new[] { 1, 4, 2, 200 }),
            "beyond it is grey");
        Assert.That(Red([.. Screen(4, 1, []), .. Frame(0, 0, 4, 1, pixels, bits: 8)]), Is.EqualTo(pixels), "without any all is grey");
        Assert.That(Decode([.. Screen(2, 1, palette), .. Transparent(1), .. Frame(0, 0, 2, 1, [0, 1])]), Is.EqualTo(palette[..6]),
            "what is transparent keeps its colour");
    }

    [Test]
    public void WhatIsBesideTheFirstFrameDoesNotMatter()
    {
        byte[] frame = Frame(0, 0, 2, 1, [1, 2]), screen = Screen(2, 1, palette);
        byte[] comment = [0x21, 0xFE, 3, 1, 2, 3, 0], loop = [0x21, 0xFF, 11, .. "NETSCAPE2.0"u8, 3, 1, 0, 0, 0], expected = [40, 70];
        Assert.That(Red([.. screen, .. comment, .. loop, 0, 7, .. frame, 0x3B]), Is.EqualTo(expected));
        Assert.That(Red([.. screen, .. frame, 0x21, 0x2C, 0xFF]), Is.EqualTo(expected), "damage behind it");
        Assert.That(Red([.. screen, .. Frame(0, 0, 2, 1, [1, 2, 3, 3, 3])]), Is.EqualTo(expected), "pixels too many");
        Assert.That(Red([.. screen, .. Frame(0, 0, 2, 1, [1, 2], end: false)]), Is.EqualTo(expected), "no code for the end");
    }

    [Test]
    public void DamageIsNamed()
    {
        byte[] screen = Screen(2, 2, palette);
        Check(ImageProblem.Truncated, "end within the image", Frame(0, 0, 2, 2, [1, 2]));
        Check(ImageProblem.Truncated, "too short for its size", Frame(0, 0, 10_000, 10_000, [1, 2]));
        Check(ImageProblem.TooLarge, "65535 x 65535", Frame(0, 0, 65535, 65535, [1, 2]));
        Check(ImageProblem.Corrupt, "speck in its canvas", Frame(4999, 4999, 1, 1, [1]));
        Check(ImageProblem.Corrupt, "no pixels", Frame(0, 0, 0, 2, [1, 2]));
        Check(ImageProblem.Corrupt, "no image", [0x3B]);
        Check(ImageProblem.Corrupt, "code 7 means nothing", [.. Frame(0, 0, 2, 2, [])[..11], .. Blocks([4, 1, 7], 3)]);
        Check(ImageProblem.Corrupt, "code 6 means nothing", [.. Frame(0, 0, 2, 2, [])[..11], .. Blocks([4, 6], 3)]);
        foreach (byte bits in (byte[])[0, 9, 12, 255])
            Check(ImageProblem.Corrupt, $"have {bits} bits", [.. Frame(0, 0, 2, 2, [])[..10], bits, 0]);

        void Check(ImageProblem problem, string words, byte[] frame)
        {
            ImageDecodeException e = Fails([.. screen, .. frame, .. frame[^1] == 0x3B ? Array.Empty<byte>() : [0x3B]]);
            Assert.That((e.Problem, e.Reason), Is.EqualTo((problem, e.Reason)));
            Assert.That(e.Reason, Does.Contain(words));
        }
    }

    static IEnumerable<byte[]> Kinds()
    {
        var random = new Random(4);
        byte[] pixels = [.. Enumerable.Range(0, 13 * 11).Select(_ => (byte)random.Next(4))];
        byte[] frame = Frame(1, 2, 13, 11, pixels, interlaced: true);
        yield return [.. Screen(15, 14, palette), .. Transparent(1), .. frame, 0x3B];
        yield return [.. Screen(13, 11, []), 0x2C, 0, 0, 0, 0, 13, 0, 11, 0, 0, 2, .. Compress(pixels, 2)];
    }

    [Test]
    public void AFileThatIsCutWithinTheFirstFrameIsAnError()
    {
        foreach (byte[] image in Kinds())
            Mutants.CheckPrefixes(image, image[^1] == 0x3B ? image.Length - 1 : image.Length);
    }

    [Test]
    public void DamagedFilesGivePixelsOrTypedErrors()
    {
        foreach (byte[] image in Kinds())
            Assert.That(Mutants.Check(image, 1000), Is.GreaterThan(100));
    }
}
