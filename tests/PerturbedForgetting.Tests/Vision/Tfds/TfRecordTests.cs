using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Tfds;

namespace PerturbedForgetting.Tests.Vision.Tfds;

public class TfRecordTests
{
    const int Images = 7;

    // From the appendix of RFC 3720, and the usual check value.
    [TestCase("313233343536373839", 0xE3069283u)]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000", 0x8A9136AAu)]
    [TestCase("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0x62A8AB43u)]
    [TestCase("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 0x46DD794Eu)]
    [TestCase("", 0u)]
    public void ChecksumsAreThoseOfTheStandard(string data, uint sum) =>
        Assert.That(Crc32C.Of(Convert.FromHexString(data)), Is.EqualTo(sum));

    [Test]
    public void WhatIsWrittenIsReadAgain([Values(1, 3)] int shards)
    {
        using var folder = new TestFolder();
        for (int i = 0; i < Images; i++)
            folder.Write($"images/a/{i}.ppm", [.. "P6 2 2 255\n"u8, .. Enumerable.Range(0, 12).Select(b => (byte)(b * i))]);
        using Dataset images = ImageFolderDataset.Open(folder.Path("images"));
        ClassList classes = new(["apple", "pear, ripe", "plum"]);
        var lengths = new int[shards];
        for (int shard = 0, at = 0; shard < shards; shard++)
        {
            lengths[shard] = (Images - at) / (shards - shard);
            using FileStream stream = File.Create(folder.Path(new TfdsSplit("train", new int[shards]).FileName("fruit", shard)));
            var writer = new TfRecordWriter(stream);
            for (int end = at + lengths[shard]; at < end; at++)
                writer.Write(ImageExample.Encode(File.ReadAllBytes(images.Describe(at)), at % 3, $"größe/{at}.ppm").Span);
            Assert.That((writer.Count, writer.Length), Is.EqualTo((lengths[shard], stream.Position)));
        }
        TfdsMetadata.Write(folder.Root, "fruit", "1.0.0", [new TfdsSplit("train", lengths, Bytes: 1000)], classes);
        using Dataset data = DatasetFactory.Open("tfds/fruit", folder.Root, "train");
        Assert.That((data.Count, data.Classes.Names), Is.EqualTo((Images, classes.Names)));
        for (int i = 0; i < Images; i++)
            Assert.That((data.Label(i), PreparedSets.Pixels(data, i)), Is.EqualTo((i % 3, PreparedSets.Pixels(images, i))));
        Assert.That(data.Describe(Images - 1), Does.EndWith($"record {lengths[^1] - 1}"));
    }
}
