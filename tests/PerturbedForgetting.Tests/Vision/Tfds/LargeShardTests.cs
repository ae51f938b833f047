using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Datasets.Tfds;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision.Tfds;

public class LargeShardTests
{
    const int Records = 1000, Bytes = 1 << 20;

    /// <summary>The file has holes in place of the images, so that it takes little of the disk.</summary>
    [Test]
    [Platform("Linux")]
    public void AShardOfAGigabyteIsIndexedWithoutBeingRead()
    {
        using var folder = new TestFolder();
        string path = folder.Path(new TfdsSplit("train", [Records]).FileName("large", 0));
        byte[] example = ImageExample.Encode(new byte[Bytes], 7, "zeros.jpg").ToArray(), header = new byte[TfRecord.HeaderLength],
            sum = new byte[TfRecord.FooterLength];
        TfRecord.WriteHeader(header, example.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(sum, Crc32C.Masked(example));
        int image = example.AsSpan().IndexOf(new byte[64]), behind = image + Bytes;
        using (SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write))
        {
            for (long i = 0, at = 0; i < Records; i++, at += TfRecord.FrameLength + example.Length)
            {
                RandomAccess.Write(file, [.. header, .. example.AsSpan(0, image)], at);
                RandomAccess.Write(file, [.. example.AsSpan(behind), .. sum], at + TfRecord.HeaderLength + behind);
            }
        }
        TfdsMetadata.Write(folder.Root, "large", "1.0.0", [new TfdsSplit("train", [Records])],
            new ClassList(Enumerable.Range(0, 8).Select(static i => $"c{i}")));
        long length = new FileInfo(path).Length;
        Assert.That(length, Is.GreaterThan(1_000_000_000));

        var indexer = new TfRecordIndexer(new ExampleKeys(ImageExample.ImageKey, ImageExample.LabelKey, null, null));
        long before = BytesRead(), allocated = GC.GetAllocatedBytesForCurrentThread();
        using var files = new ContainerFiles([path], new DatasetOptions());
        Assert.That(indexer.Make(files, 0, static _ => { }).Records, Has.Length.EqualTo(Records));
        Assert.That(BytesRead() - before, Is.LessThan(length / 100));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - allocated, Is.LessThan(1 << 20));

        using Dataset data = DatasetFactory.Open("tfds/large", folder.Root, "train");
        using var decoder = new ImageDecoder();
        foreach (int i in new[] { Records - 1, 0, Records / 2 })
        {
            before = BytesRead();
            ReadOnlyMemory<byte> bytes = data.Encoded(i, decoder);
            Assert.That((bytes.Length, bytes.Span.IndexOfAnyExcept((byte)0), data.Label(i)), Is.EqualTo((Bytes, -1, 7)));
            Assert.That(BytesRead() - before, Is.LessThan(2 * Bytes));
        }
    }

    /// <summary>What this thread has read from files so far.</summary>
    static long BytesRead() =>
        long.Parse(File.ReadLines("/proc/thread-self/io")
            .First(static l => l.StartsWith("rchar:", StringComparison.Ordinal))["rchar:".Length..]);
}
