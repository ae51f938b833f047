using System.Diagnostics;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Damages images and demands of the decoder what it owes to any bytes: pixels or an <see cref="ImageDecodeException"/>, soon,
/// in memory that the pixels justify, and nothing of an earlier image among them.</summary>
static class Mutants
{
    /// <summary>Decodes damaged copies of an image.</summary>
    /// <param name="image">A whole file.</param>
    /// <param name="trials">How many copies.</param>
    /// <param name="repair">Puts check sums right, so that damage reaches what is behind them.</param>
    /// <returns>How many were refused.</returns>
    public static int Check(byte[] image, int trials, Func<byte[], byte[]>? repair = null)
    {
        int seed = Random.Shared.Next(), refused = 0;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var options = new ImageDecoderOptions { MaxPixels = 1 << 22 };
        using ImageDecoder decoder = new(options), other = new(options);
        using RgbImage first = new(), second = new();
        for (int trial = 0; trial < trials; trial++)
        {
            byte[] damaged = Damage(image, random);
            damaged = repair is null || trial % 2 == 0 ? damaged : repair(damaged);
            string name = $"trial {trial} of seed {seed}";
            long memory = GC.GetAllocatedBytesForCurrentThread(), began = Stopwatch.GetTimestamp();
            ImageProblem? problem = Attempt(decoder, damaged, first, 0x00);
            long pixels = problem is null ? first.Width * first.Height : options.MaxPixels;
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - memory, Is.LessThan((64 << 20) + 16 * pixels), name);
            Assert.That(Stopwatch.GetElapsedTime(began), Is.LessThan(TimeSpan.FromSeconds(5)), name);
            Assert.That(Attempt(other, damaged, second, 0xFF), Is.EqualTo(problem), name);
            if (problem is null)
                Assert.That(first.Pixels.SequenceEqual(second.Pixels), name);
            refused += problem is null ? 0 : 1;
        }
        return refused;
    }

    /// <summary>Demands that a file be refused as cut short or damaged wherever it is cut.</summary>
    /// <param name="image">A whole file.</param>
    /// <param name="needed">So many of its bytes hold the image; behind them it may also be read, as if it were whole.</param>
    public static void CheckPrefixes(byte[] image, int needed)
    {
        using var decoder = new ImageDecoder();
        using RgbImage whole = new(), cut = new();
        decoder.Decode(image, whole);
        for (int length = 4; length < image.Length; length++)
        {
            ImageProblem? problem = Attempt(decoder, image[..length], cut, 0x55);
            if (length < needed)
                Assert.That(problem, Is.EqualTo(ImageProblem.Truncated).Or.EqualTo(ImageProblem.Corrupt)
                    .Or.EqualTo(ImageProblem.UnknownFormat),
                    $"{length} bytes");
            else if (problem is null)
                Assert.That(cut.Pixels.SequenceEqual(whole.Pixels), $"{length} bytes");
        }
    }

    /// <summary>Decodes into an image that holds a colour already.</summary>
    public static ImageProblem? Attempt(ImageDecoder decoder, byte[] data, RgbImage image, byte before)
    {
        try
        {
            (int width, int height) = decoder.Open(data);
            image.Resize(width, height);
            image.Pixels.Fill(before);
            decoder.Decode(CropBox.Whole(width, height), image);
            return null;
        }
        catch (ImageDecodeException e)
        {
            return e.Problem;
        }
    }

    static byte[] Damage(byte[] image, Random random)
    {
        byte[] damaged = [.. image];
        for (int i = random.Next(1, 4); i > 0; i--)
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
        if (random.Next(4) == 0)
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
        int from = random.Next(damaged.Length), to = random.Next(from, damaged.Length);
        return random.Next(6) switch
        {
            0 => damaged[..to],
            1 => [.. damaged[..from], .. damaged[to..]],
            2 => [.. damaged[..to], .. damaged[from..]],
            _ => damaged,
        };
    }
}
