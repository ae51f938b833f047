using System.Security.Cryptography;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

public class DecodeReferenceTests
{
    static IEnumerable<TestCaseData> Decodes => TransformCases.Of("decode_to_rgb8");

    /// <summary>Every image, JPEG included, equals Pillow with libjpeg-turbo byte for byte.</summary>
    [TestCaseSource(nameof(Decodes))]
    public void EqualsReference(object argument)
    {
        var reference = (ReferenceCase)argument;
        var options = new ImageDecoderOptions { Grey16 = Grey16Conversion.Clamp };
        using RgbImage image = TestImages.Decode(ReferenceData.PathOf(reference.File), options);
        Assert.That((image.Width, image.Height),
            Is.EqualTo((reference.Json.GetProperty("width").GetInt32(), reference.Json.GetProperty("height").GetInt32())));
        if (TransformCases.Expected(reference) is { } expected)
            Assert.That(LargestDifference(image.Pixels, expected), Is.Zero);
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(image.Pixels)),
            Is.EqualTo(reference.Json.GetProperty("rgb_sha256").GetString()));
    }

    [Test]
    public void ExifOrientationIsAppliedOnDemand()
    {
        string path = ReferenceData.PathOf("images/exif6_90x61_q90_420.jpg");
        using RgbImage image = TestImages.Decode(path, new ImageDecoderOptions { ApplyExifOrientation = true });
        Assert.That((image.Width, image.Height), Is.EqualTo((61, 90)));
        Assert.That(image.Pixels.SequenceEqual(TransformCases.Bytes("decode/exif6_90x61_q90_420.jpg/transposed")));
    }

    [Test]
    public void Grey16KeepsTheHighByteByDefault()
    {
        using RgbImage image = TestImages.Decode(ReferenceData.PathOf("images/grey16_90x61.png"));
        ReadOnlySpan<byte> high = TransformCases.Bytes("decode/grey16_90x61.png/high_byte");
        for (int i = 0; i < high.Length; i++)
            Assert.That(image.Pixels.Slice(i * 3, 3).ToArray(), Is.All.EqualTo(high[i]));
    }

    static int LargestDifference(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        Assert.That(a.Length, Is.EqualTo(b.Length));
        int largest = 0;
        for (int i = 0; i < a.Length; i++)
            largest = Math.Max(largest, Math.Abs(a[i] - b[i]));
        return largest;
    }
}
