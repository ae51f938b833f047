using PerturbedForgetting.Cuda;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>Indices that are kept hold for as long as their files do, and a damaged one is made anew.</summary>
[NonParallelizable]
public class IndexCacheTests
{
    /// <summary>Counts the bytes of each value, and how often it was asked to.</summary>
    sealed class Counting : IContainerIndexer<int[]>
    {
        int made;

        public int Made => made;

        public string Kind { get; init; } = "bytes1";

        public int[] Make(ContainerFiles files, int file, Action<long> advance)
        {
            Interlocked.Increment(ref made);
            var bytes = new byte[files.Length(file)];
            files.Read(file, 0, bytes);
            advance(bytes.Length);
            if (bytes is [255, ..])
                throw new DatasetException($"{files.Paths[file]} begins with 255");
            var counts = new int[256];
            foreach (byte value in bytes)
                counts[value]++;
            return counts;
        }

        public void Write(int[] index, IndexWriter to)
        {
            to.Number(index.Length);
            foreach (int count in index)
                to.Number(count);
            to.Text("end");
        }

        public int[] Read(IndexReader from, long length)
        {
            var counts = new int[from.Count()];
            for (int i = 0; i < counts.Length; i++)
                counts[i] = (int)from.Number(length);
            return from.Text() == "end" ? counts : throw new InvalidDataException();
        }
    }

    readonly DatasetOptions options = new();

    static int[][] Get(IndexCache cache, Counting indexer, string[] paths, DatasetOptions options)
    {
        using var files = new ContainerFiles(paths, options);
        return cache.Get(indexer, files, options);
    }

    static IndexCache Keeping(TestFolder folder) => new(folder.Path("cache"), TimeSpan.Zero);

    [Test]
    public void IsReadInsteadOfTheFile()
    {
        using var folder = new TestFolder();
        string[] paths = [folder.Write("a", "aab"), folder.Write("ü", "xyz")];
        Counting first = new(), second = new(), other = new() { Kind = "bytes2" };
        int[][] made = Get(Keeping(folder), first, paths, options), read = Get(Keeping(folder), second, paths, options);
        Assert.That((first.Made, second.Made, made[0]['a'], made[1]['z']), Is.EqualTo((2, 0, 2, 1)));
        Assert.That(read, Is.EqualTo(made));
        Assert.That(Directory.GetFiles(folder.Path("cache")), Has.Length.EqualTo(2));
        Get(Keeping(folder), other, paths, options);
        Assert.That(other.Made, Is.EqualTo(2), "another kind");
    }

    [Test]
    public void HoldsForLengthAndTime()
    {
        using var folder = new TestFolder();
        string path = folder.Write("a", "aab");
        Get(Keeping(folder), new Counting(), [path], options);
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.That(Made(), Is.EqualTo(1), "another time");
        Assert.That(Made(), Is.Zero);
        DateTime time = File.GetLastWriteTimeUtc(path);
        folder.Write("a", "aabb");
        File.SetLastWriteTimeUtc(path, time);
        Assert.That(Made(), Is.EqualTo(1), "another length");

        int Made()
        {
            var counting = new Counting();
            Get(Keeping(folder), counting, [path], options);
            return counting.Made;
        }
    }

    [Test]
    public void DamageOfAnyByteIsNoticed()
    {
        using var folder = new TestFolder();
        string path = folder.Write("a", "aab");
        int[] right = Get(Keeping(folder), new Counting(), [path], options)[0];
        string kept = Directory.GetFiles(folder.Path("cache")).Single();
        byte[] good = File.ReadAllBytes(kept);
        for (int at = 0; at <= good.Length; at += 7)
        {
            byte[] bad = [.. good];
            if (at < good.Length)
                bad[at] ^= 0x41;
            foreach (byte[] damaged in (byte[][])[bad, good[..at], [.. good, .. good[..at]]])
            {
                File.WriteAllBytes(kept, damaged);
                Assert.That(Get(Keeping(folder), new Counting(), [path], options)[0], Is.EqualTo(right), $"{at}");
            }
        }
        Assert.That(File.ReadAllBytes(kept), Is.EqualTo(good), "written again");
    }

    [Test]
    public void LyingCountsAllocateNothing()
    {
        var to = new IndexWriter();
        to.Number(long.MaxValue);
        byte[] lies = to.Data.ToArray();
        Assert.That(() => new IndexReader(lies).Count(), Throws.TypeOf<InvalidDataException>());
        Assert.That(() => new IndexReader(lies).Text(), Throws.TypeOf<InvalidDataException>());
        Assert.That(new IndexReader(lies).Number(), Is.EqualTo(long.MaxValue));
        Assert.That(() => new IndexReader(new byte[12].Select(_ => (byte)0xFF).ToArray()).Number(), Throws.TypeOf<InvalidDataException>());
        Assert.That(() => new IndexReader(new byte[] { 2, 0xC3, 0x28 }).Text(), Throws.TypeOf<InvalidDataException>(), "no UTF-8");
        Assert.That(() => new IndexReader(ReadOnlyMemory<byte>.Empty).Number(), Throws.TypeOf<InvalidDataException>());
    }

    [Test]
    public void FirstWrongFileIsNamed()
    {
        using var folder = new TestFolder();
        string[] paths = [.. Enumerable.Range(0, 40).Select(i => folder.Write($"{i}", i is 17 or 18 or 39 ? [255] : [1, 2, 3]))];
        for (int i = 0; i < 5; i++)
        {
            Assert.That(() => Get(new IndexCache(null, TimeSpan.Zero), new Counting(), paths, options),
                Throws.TypeOf<DatasetException>().With.Message.EqualTo($"{paths[17]} begins with 255"));
        }
        Assert.That(Assert.Throws<DatasetException>(() => Get(Keeping(folder), new Counting(), [folder.Path("none")], options))!.Message,
            Does.Contain(folder.Path("none")));
    }

    [Test]
    public void QuickOnesAreNotKeptAndAFolderThatCannotBeWrittenDoesNotMatter()
    {
        using var folder = new TestFolder();
        string path = folder.Write("a", "aab");
        var patient = new IndexCache(folder.Path("cache"), TimeSpan.FromHours(1));
        Assert.That(Get(patient, new Counting(), [path], options), Has.Length.EqualTo(1));
        Assert.That(Directory.Exists(folder.Path("cache")), Is.False);
        Assert.That(Get(new IndexCache(path, TimeSpan.Zero), new Counting(), [path], options)[0]['a'], Is.EqualTo(2));
    }

    [Test]
    public void StopEndsIt()
    {
        using var folder = new TestFolder();
        string path = folder.Write("a", "aab");
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.That(() => Get(Keeping(folder), new Counting(), [path], options with { Stop = stop.Token }),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => new ProgressMeter(options with { Stop = stop.Token }, "", 1).Run(() => stop.Token.ThrowIfCancellationRequested()),
            Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void VariableNamesTheFolder()
    {
        using var folder = new TestFolder();
        string path = folder.Write("a", "aab");
        string? before = EnvironmentVariables.Cache.Value;
        try
        {
            Assert.That(Entries("none"), Is.Zero);
            Assert.That(Entries(""), Is.Zero);
            Assert.That(Entries(folder.Path("chosen")), Is.EqualTo(1));
        }
        finally
        {
            Environment.SetEnvironmentVariable(EnvironmentVariables.Cache.Name, before);
        }

        int Entries(string value)
        {
            Environment.SetEnvironmentVariable(EnvironmentVariables.Cache.Name, value);
            if (IndexCache.FolderOfUser() is not { } chosen)
                return 0;
            Get(new IndexCache(chosen, TimeSpan.Zero), new Counting(), [path], options);
            return Directory.GetFiles(folder.Path("chosen")).Length;
        }
    }
}
