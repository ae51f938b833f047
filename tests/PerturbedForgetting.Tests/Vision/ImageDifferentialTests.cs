using System.Security.Cryptography;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Every image of the archive becomes the pixels that Pillow gives, to the bit, or is refused by name. 16-bit grey is compared as
/// Pillow treats it, clamped; that its high byte is kept otherwise, other tests show.</summary>
sealed class ImageDifferentialTests
{
    /// <summary>How many images there are: decoded by Pillow, known without it, refused.</summary>
    static readonly Dictionary<string, (int Pillow, int Known, int Refused)> counts = new()
    {
        ["bmp"] = (533, 0, 3),
        ["gif"] = (312, 0, 0),
        ["jpg"] = (273, 0, 1),
        ["png"] = (390, 0, 0),
        ["pnm"] = (351, 52, 1),
        ["tga"] = (221, 0, 0),
        ["tif"] = (724, 0, 13),
        ["webp"] = (234, 0, 0),
    };

    static IEnumerable<string> Formats => counts.Keys;

    [TestCaseSource(nameof(Formats))]
    public void PixelsAreThoseOfPillow(string format)
    {
        using var decoder = new ImageDecoder(new ImageDecoderOptions { Grey16 = Grey16Conversion.Clamp });
        using var image = new RgbImage();
        var wrong = new List<string>();
        foreach (ArchivedImage archived in ImageArchive.All.Where(archived => archived.Format == format))
        {
            if (Difference(decoder, image, archived) is { } difference)
                wrong.Add($"{archived.Name}: {difference}");
        }
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void TheArchiveHasEveryFormat()
    {
        if (!ImageArchive.IsStored)
            Assert.Ignore("Another archive is compared.");
        foreach ((string format, (int pillow, int known, int refused)) in counts)
        {
            int Count(ImageOrigin origin) => ImageArchive.All.Count(archived => archived.Format == format && archived.Origin == origin);
            Assert.That((Count(ImageOrigin.Pillow), Count(ImageOrigin.Known), Count(ImageOrigin.Refused)),
                Is.EqualTo((pillow, known, refused)), format);
        }
        Assert.That(ImageArchive.All, Has.Count.EqualTo(counts.Values.Sum(static c => c.Pillow + c.Known + c.Refused)));
    }

    static string? Difference(ImageDecoder decoder, RgbImage image, ArchivedImage archived)
    {
        try
        {
            ImageInfo info = decoder.Decode(archived.Data, image);
            if (archived.Origin == ImageOrigin.Refused)
                return "it is read";
            if ((info.Width, info.Height) != (archived.Width, archived.Height))
                return $"{info.Width} x {info.Height} pixels instead of {archived.Width} x {archived.Height}";
            return Convert.ToHexStringLower(SHA1.HashData(image.Pixels)) == archived.Hash ? null : "other pixels";
        }
        catch (ImageDecodeException e)
        {
            if (archived.Origin != ImageOrigin.Refused)
                return e.Message;
            bool named = e.Problem == ImageProblem.Unsupported
                && ImageFormats.All.Any(format => format.Refuses.Any(kind => e.Reason.Contains(kind, StringComparison.OrdinalIgnoreCase)));
            return named ? null : $"refused otherwise: {e.Problem}, {e.Message}";
        }
    }
}
