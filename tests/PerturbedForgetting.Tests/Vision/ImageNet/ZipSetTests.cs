using System.Text;
using PerturbedForgetting.Tests.Vision.Tfds;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers.Zip;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision.ImageNet;

/// <summary>Zip archives of other programs, and damaged ones.</summary>
public class ZipSetTests
{
    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static string PathOf(string name) => VariantArchiveTests.PathOf(name);

    [TestCase("ImageNet-Sketch.zip")]
    [TestCase("stored_with_link.zip")]
    [TestCase("with_something_before.zip")]
    [TestCase("streamed.zip")]
    [TestCase("wide.zip")]
    public void ArchivesOfAllKindsGiveTheSameImages(string name)
    {
        using Dataset data = DatasetFactory.Open("", PathOf(name), "train");
        using Dataset first = ZipSet.Open(PathOf("ImageNet-Sketch.zip"), "", new DatasetOptions());
        Assert.That((data.Count, string.Join(' ', data.Classes.Names)), Is.EqualTo((2, "n01440764 n15075141")));
        for (int i = 0; i < 2; i++)
            Assert.That((data.Label(i), PreparedSets.Pixels(data, i)), Is.EqualTo((i, PreparedSets.Pixels(first, i))));
        Assert.That(data.Describe(1), Does.EndWith($"{name}: sketch/n15075141/sketch_49.JPEG"));
        Assert.That(data.ImageName(1), Is.EqualTo("sketch_49"));
        Assert.That(data.Notes.Any(n => n.Contains("link")), Is.EqualTo(name == "stored_with_link.zip"));
    }

    [Test]
    public void EncryptedImagesAreNamed()
    {
        using Dataset data = ZipSet.Open(PathOf("encrypted.zip"), "", new DatasetOptions());
        Assert.That(Assert.Throws<ImageDecodeException>(() => PreparedSets.Pixels(data, 0))!.Message,
            Does.Contain("sketch_0.JPEG").And.Contain("encrypted"));
    }

    [Test]
    public void AChangedByteIsFoundWhereTheImageIsRead([Values("ImageNet-Sketch.zip", "stored_with_link.zip")] string name)
    {
        using var folder = new TestFolder();
        byte[] bytes = File.ReadAllBytes(PathOf(name));
        int at = bytes.AsSpan().IndexOf("sketch_49.JPEG"u8) + 100;
        bytes[at] ^= 0x10;
        using Dataset data = ZipSet.Open(folder.Write(name, bytes), "", new DatasetOptions());
        PreparedSets.Pixels(data, 0);
        Assert.That(Assert.Throws<ImageDecodeException>(() => PreparedSets.Pixels(data, 1))!.Message, Does.Contain("sketch_49.JPEG"));
    }

    [Test]
    public void WhatIsNoArchiveIsRefused()
    {
        using var folder = new TestFolder();
        byte[] bytes = File.ReadAllBytes(PathOf("ImageNet-Sketch.zip"));
        foreach ((byte[] damaged, string why) in new[]
        {
            (bytes[..^30], "cut short"), ([], "no zip archive"), (Encoding.ASCII.GetBytes("<html>not found</html>"), "no zip archive"),
            ([.. bytes[..10], .. bytes[200..]], "damaged"),
        })
            Assert.That(Refused(() => ZipSet.Open(folder.Write("a.zip", damaged), "", new DatasetOptions())).Message,
                Does.Contain("a.zip").And.Contain(why));
        for (int cut = 1; cut < bytes.Length; cut += 3)
        {
            byte[] cutShort = bytes[..cut];
            Refused(() => ZipSet.Open(folder.Write("a.zip", cutShort), "", new DatasetOptions()));
        }
    }
}
