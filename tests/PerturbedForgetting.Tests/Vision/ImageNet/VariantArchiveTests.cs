using System.IO.Compression;
using PerturbedForgetting.Tests.Vision.Tfds;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Vision.ImageNet;

/// <summary>The test sets of ImageNet as archives.</summary>
public class VariantArchiveTests
{
    /// <summary>A stored archive.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Vision", "ImageNet", "Archives", name);

    [TestCase("imagenet_sketch", "ImageNet-Sketch.zip", new[] { 0, 999 })]
    [TestCase("imagenet_r", "imagenet-r.tar", new[] { 1, 988 })]
    [TestCase("imagenet_a", "imagenet-a.tar", new[] { 6 })]
    [TestCase("imagenet_a", "imagenet-a.tar.gz", new[] { 6 })]
    [TestCase("imagenet_v2", "imagenetv2-top-images.tar.gz", new[] { 0, 2, 10, 999 })]
    public void SetsAreReadFromTheirArchives(string dataset, string archive, int[] labels)
    {
        using var folder = new TestFolder();
        string path = File.Exists(PathOf(archive)) ? folder.Write(archive, File.ReadAllBytes(PathOf(archive)))
            : folder.Write(archive, Unpacked(PathOf(archive + ".gz")));
        foreach (string dataDir in new[] { path, folder.Root })
        {
            using Dataset data = DatasetFactory.Open(dataset, dataDir, "test");
            Assert.That(Enumerable.Range(0, data.Count).Select(data.Label), Is.EqualTo(labels));
            for (int i = 0; i < data.Count; i++)
                Assert.That(PreparedSets.Pixels(data, i), Has.Length.EqualTo(64));
            Assert.That(data.Scores[0].Name, Does.StartWith(dataset));
            Assert.That(data.Scores[0].Name.EndsWith("topimages", StringComparison.Ordinal), Is.EqualTo(dataset == "imagenet_v2"));
        }
    }

    static byte[] Unpacked(string path)
    {
        using var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
