using System.Diagnostics;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>A small image of every sub-kind of the archive, cut short and changed.</summary>
sealed class DamagedImageTests
{
    const int MostPixels = 1 << 20;

    static readonly ImageDecoderOptions options = new() { MaxPixels = MostPixels };

    static IEnumerable<string> Formats => ImageArchive.All.Select(static archived => archived.Format).Distinct();

    /// <summary>The smallest image of each kind, but none of a single pixel, whose data are often too few to be wrong.</summary>
    static IEnumerable<ArchivedImage> OfEachKind(string format) => ImageArchive.All
        .Where(archived => archived.Format == format && archived.Origin != ImageOrigin.Refused && archived.Width * archived.Height > 1)
        .GroupBy(static archived => archived.Kind).Select(static kind => kind.MinBy(static archived => archived.Data.Length)!);

    /// <summary>A file may end in something that no pixel needs; before that a prefix is an error.</summary>
    [TestCaseSource(nameof(Formats))]
    public void EveryPrefixIsAnErrorOrHasAllPixels(string format)
    {
        using var decoder = new ImageDecoder(options);
        using var image = new RgbImage();
        int cuts = 0;
        foreach (ArchivedImage archived in OfEachKind(format).Where(static archived => archived.Data.Length <= 2000))
        {
            decoder.Decode(archived.Data, image);
            byte[] whole = image.Pixels.ToArray();
            for (int length = archived.Data.Length - 1; length > 0; length -= length > 200 ? 3 : 1, cuts++)
            {
                byte[] data = archived.Data[..length];
                // The last number of a plain file may have lost digits, and nothing tells.
                if (format == "pnm" && data is [_, (byte)'2' or (byte)'3', .., >= (byte)'0' and <= (byte)'9'])
                    continue;
                image.Pixels.Fill(0xA5);
                if (Decodes(decoder, data, image))
                    Assert.That(image.Pixels.SequenceEqual(whole), $"{archived.Name} cut to {length} of {archived.Data.Length} bytes");
            }
        }
        Assert.That(cuts, Is.GreaterThan(500));
    }

    /// <summary>Changed bytes: an image or the decoder's own error, in bounded time and memory.</summary>
    [TestCaseSource(nameof(Formats))]
    public void ChangedBytesGiveTypedErrors(string format)
    {
        var random = new Random(format.Length * 31 + format[0]);
        using var decoder = new ImageDecoder(options);
        using var image = new RgbImage();
        foreach (ArchivedImage archived in OfEachKind(format))
        {
            for (int trial = 0; trial < 12; trial++)
            {
                byte[] data = Change(random, archived.Data);
                long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
                Decodes(decoder, data, image);
                Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan((64 << 20) + 16L * MostPixels), Describe());
                Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(5)), Describe());

                string Describe() => $"{archived.Name}, trial {trial}: {Convert.ToBase64String(data)}";
            }
        }
    }

    static byte[] Change(Random random, byte[] original)
    {
        byte[] data = random.Next(8) == 0 ? original[..random.Next(1, original.Length)] : [.. original];
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            int at = random.Next(random.Next(3) == 0 ? data.Length : Math.Min(data.Length, 80));
            data[at] = random.Next(4) switch
            {
                0 => 0,
                1 => 255,
                2 => (byte)(data[at] ^ 1 << random.Next(8)),
                _ => (byte)random.Next(256),
            };
        }
        return data;
    }

    /// <summary>Whether the data are an image; if they are not, the error is one that a decoder meant.</summary>
    static bool Decodes(ImageDecoder decoder, byte[] data, RgbImage image)
    {
        try
        {
            decoder.Decode(data, image);
            return true;
        }
        catch (ImageDecodeException e)
        {
            Assert.That(e.InnerException, Is.Null.Or.InstanceOf<ImageDecodeException>().Or.InstanceOf<InvalidDataException>(),
                Convert.ToBase64String(data));
            return false;
        }
    }
}
