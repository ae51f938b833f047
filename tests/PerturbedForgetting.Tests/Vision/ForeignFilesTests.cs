using System.Text;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Files that lie in an image's place are named, with what to do about them.</summary>
sealed class ForeignFilesTests
{
    [TestCase("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS", "git lfs pull")]
    [TestCase("<!DOCTYPE html>\n<html><body>404</body></html>", "an HTML page", "download it again")]
    [TestCase("\u00EF\u00BB\u00BF \r\n<HTML>", "an HTML page", "download it again")]
    [TestCase("<!-- saved --><html lang=\"en\">", "an HTML page", "download it again")]
    [TestCase("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "an XML document", "download it again")]
    [TestCase("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "an SVG drawing", "convert it")]
    [TestCase("{\"error\": \"not found\"}", "it is JSON", "download it again")]
    [TestCase("Too many requests\n", "it is text", "download it again")]
    [TestCase("\0\0\0\u001Cftypavif\0\0\0\0", "an AVIF image", "convert it")]
    [TestCase("\0\0\0\u0018ftypheic\0\0\0\0", "a HEIC image", "convert it")]
    [TestCase("\0\0\0\u0018ftypheix\0\0\0\0", "a HEIC image", "convert it")]
    [TestCase("\0\0\0\u0018ftypmif1\0\0\0\0", "a HEIF image", "convert it")]
    [TestCase("\0\0\0\u0020ftypisom\0\0\0\0", "a video", "extract its images")]
    [TestCase("\u00FF\n\u00FA\u00FB", "a JPEG XL image", "convert it")]
    [TestCase("\0\0\0\u000CJXL \r\n\u0087\n", "a JPEG XL image", "convert it")]
    [TestCase("\0\0\0\u000CjP  \r\n\u0087\n", "a JPEG 2000 image", "convert it")]
    [TestCase("\u00FFO\u00FFQ\0/", "a JPEG 2000 image", "convert it")]
    [TestCase("8BPS\0\u0001", "a Photoshop image", "convert it")]
    [TestCase("%PDF-1.7\n%", "a PDF document", "convert it")]
    [TestCase("RIFF\u0010\0\0\0AVI LIST", "a video (AVI)", "extract its images")]
    [TestCase("PK\u0003\u0004\u0014\0", "a zip archive", "unpack it")]
    [TestCase("Rar!\u001A\u0007\u0001\0", "a RAR archive", "unpack it")]
    [TestCase("\u00FD7zXZ\0\0", "an xz archive", "unpack it")]
    [TestCase("PAR1\u0015\u0004", "a Parquet file", "data set")]
    [TestCase("\0\u0005\u0016\u0007\0\u0002\0\0Mac OS X        ", "AppleDouble", "delete it")]
    [TestCase("\0\0\0\0\0\0\0\0", "nothing but zeros", "download it again")]
    public void AreNamed(string bytes, string kind, string advice)
    {
        using var folder = new TestFolder();
        string path = folder.Write("photo.jpg", Encoding.Latin1.GetBytes(bytes));
        using var decoder = new ImageDecoder();
        foreach (Action open in (Action[])[() => decoder.Open(path), () => decoder.Open(Encoding.Latin1.GetBytes(bytes), path)])
        {
            var e = Assert.Throws<ImageDecodeException>(() => open())!;
            Assert.That(e.Problem, Is.EqualTo(ImageProblem.UnknownFormat));
            Assert.That(e.Message, Does.Contain(path).And.Contain(kind).And.Contain(advice));
        }
    }

    [Test]
    public void AMarkInTheMiddleOfOtherBytesIsNone() =>
        Assert.That(ForeignFiles.Describe([1, 2, 3, .. "%PDF-"u8, 0x80, 0xFF]), Is.Null);
}
