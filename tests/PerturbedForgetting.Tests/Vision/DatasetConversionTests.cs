using System.Formats.Tar;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Sets in another form: the same bytes, labels and classes, also after a conversion that was ended.</summary>
public class DatasetConversionTests
{
    static readonly string[] Forms = [.. DatasetConversion.Forms];

    static DatasetConversionOptions Options(string form, string folder) =>
        new() { Form = form, Folder = folder, Name = "tiny", ShardBytes = 4000 };

    /// <summary>Photos of three classes, one of them without an image in the other split.</summary>
    static TestFolder Photos()
    {
        var folder = new TestFolder();
        foreach ((string split, string name, int count) in new[] { ("train", "cat", 4), ("train", "dog", 3), ("train", "Ähre", 2),
            ("validation", "cat", 2), ("validation", "dog", 1) })
            for (int i = 0; i < count; i++)
                folder.Write($"{split}/{name}/{(i == 1 ? "inner/" : "")}b{i}.x.{(i == 2 ? "png" : "jpeg")}",
                    i == 2 ? Png(i) : TestImages.Jpeg(24 + i, 20, i + name.Length));
        return folder;
    }

    static byte[] Png(int seed)
    {
        using Dataset shapes = DatasetFactory.Open($"builtin/shapes:train=10,val=10,size=12,seed={seed}", null, "train");
        using var decoder = new ImageDecoder();
        return shapes.Encoded(3, decoder).ToArray();
    }

    static List<(string Split, Dataset Data)> Open(TestFolder folder, params string[] splits)
    {
        List<(string, Dataset Data)> opened = [];
        foreach (string split in splits)
            opened.Add((split, DatasetFactory.Open("", folder.Root, split,
                new DatasetOptions { Classes = opened.Count > 0 ? opened[0].Data.Classes : null })));
        return opened;
    }

    static Dataset Written(string form, string folder, string split) => form switch
    {
        "folder" => DatasetFactory.Open("", folder, split, new DatasetOptions { ClassMapFile = Path.Combine(folder, "classes.txt") }),
        "webdataset" => DatasetFactory.Open("webdataset", folder, split),
        _ => DatasetFactory.Open("tfds/tiny", folder, split),
    };

    static List<(int Label, string Bytes)> Contents(Dataset set)
    {
        using var decoder = new ImageDecoder();
        return [.. Enumerable.Range(0, set.Count).Select(i => (set.Label(i), Convert.ToHexString(set.Encoded(i, decoder).Span)))];
    }

    /// <summary>All files with their bytes, without what only tells how far a conversion is.</summary>
    static Dictionary<string, string> Files(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .Where(f => !Path.GetFileName(f).StartsWith(".convert", StringComparison.Ordinal))
        .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(File.ReadAllBytes(f)));

    [TestCaseSource(nameof(Forms))]
    public void BytesLabelsClassesAndSplitsAreKept(string form)
    {
        using TestFolder source = Photos(), target = new();
        List<(string Split, Dataset Data)> splits = Open(source, "train", "validation");
        ConvertedDataset set = DatasetConversion.Run(splits, Options(form, target.Root));
        Assert.That((set.Images, set.Bad, set.DataDir), Is.EqualTo((12, 0, target.Root)));
        Assert.That(set.ClassMapFile is not null, Is.EqualTo(form == "folder"), "a class has no image in a split");
        foreach ((string split, Dataset data) in splits)
        {
            using Dataset written = Written(form, target.Root, split);
            Assert.That(written.Classes.Names, Is.EqualTo(data.Classes.Names));
            Assert.That(Contents(written), Is.EqualTo(Contents(data)));
        }
        if (form != "folder")
            Assert.That(Directory.GetFiles(target.Root, "*train-0*", SearchOption.AllDirectories).Length
                + Directory.GetFiles(target.Root, "*train*-of-*", SearchOption.AllDirectories).Length, Is.GreaterThan(1), "shards");
        Assert.That(DatasetConversion.Run(splits, Options(form, target.Root)).Images, Is.EqualTo(12), "done already");
    }

    /// <summary>A kill is stood for by an exception at each change of the file system, one after the other; what it leaves is what a kill
    /// leaves but for temporary files, which are made here.</summary>
    [TestCaseSource(nameof(Forms))]
    public void AConversionGoesOnWhereverItWasKilled(string form)
    {
        using TestFolder source = Photos(), whole = new();
        List<(string Split, Dataset Data)> splits = Open(source, "validation");
        DatasetConversion.Run(splits, Options(form, whole.Root) with { ShardBytes = 1 });
        Dictionary<string, string> expected = Files(whole.Root);
        int killed = 0, step = EnvironmentVariables.AllTests.Value == "1" ? 1 : 2;
        for (int at = 0; ; at += step)
        {
            using TestFolder target = new();
            int changes = 0;
            AtomicFile.Changing = () =>
            {
                if (changes++ == at)
                    throw new OperationCanceledException();
            };
            try
            {
                DatasetConversion.Run(splits, Options(form, target.Root) with { ShardBytes = 1 });
                break;
            }
            catch (OperationCanceledException)
            {
                killed++;
            }
            finally
            {
                AtomicFile.Changing = null;
            }
            target.Write(".pf-0123.tmp", "half a shard");
            DatasetConversion.Run(splits, Options(form, target.Root) with { ShardBytes = 1 });
            Assert.That(Files(target.Root), Is.EquivalentTo(expected), $"killed at change {at}");
        }
        Assert.That(killed, Is.GreaterThan(3));
    }

    [TestCaseSource(nameof(Forms))]
    public void WhatWasChangedBehindItsBackIsFound(string form)
    {
        using TestFolder source = Photos(), target = new();
        List<(string Split, Dataset Data)> splits = Open(source, "train");
        using CancellationTokenSource stop = new();
        Assert.That(() => DatasetConversion.Run(splits, Options(form, target.Root) with
        {
            Stop = stop.Token,
            Progress = (what, done, all) =>
            {
                if (done == all && what.StartsWith("writing", StringComparison.Ordinal))
                    stop.Cancel();
            },
        }), Throws.InstanceOf<OperationCanceledException>());
        string file = Directory.GetFiles(target.Root, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetExtension(f) is not (".json" or ".txt" or ".lock")).Order().First();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.AsSpan().IndexOf(new byte[] { 0xFF, 0xD8, 0xFF }) + 30] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.That(() => DatasetConversion.Run(splits, Options(form, target.Root)),
            Throws.InstanceOf<DatasetException>().Or.InstanceOf<ImageDecodeException>());
    }

    [Test]
    public void BadImagesStopOrAreLeftOut()
    {
        using TestFolder source = Photos(), target = new(), other = new();
        source.Write("train/cat/a0.jpg", "no image");
        source.Write("train/dog/z.jpg", "");
        List<(string Split, Dataset Data)> splits = Open(source, "train");
        Assert.That(() => DatasetConversion.Run(splits, Options("tfrecord", target.Root)),
            Throws.InstanceOf<ImageDecodeException>().With.Message.Contains("a0.jpg"));
        List<string> reports = [];
        ConvertedDataset set = DatasetConversion.Run(splits,
            Options("tfrecord", other.Root) with { BadImages = BadImagePolicy.Skip, Report = reports.Add });
        Assert.That((set.Images, set.Bad, set.Dataset), Is.EqualTo((9, 2, "tfds/tiny")));
        Assert.That(reports, Has.Some.Contain("a0.jpg").And.Some.Contain("z.jpg"));
    }

    [Test]
    public void AFolderOfSomethingElseIsRefused()
    {
        using TestFolder source = Photos(), target = new();
        List<(string Split, Dataset Data)> train = Open(source, "train"), validation = Open(source, "validation");
        DatasetConversion.Run(train, Options("tfrecord", target.Root));
        Assert.That(() => DatasetConversion.Run(train, Options("folder", target.Root)), Throws.InstanceOf<DatasetException>());
        Assert.That(() => DatasetConversion.Run(validation, Options("tfrecord", target.Root)), Throws.InstanceOf<DatasetException>());
        Assert.That(() => DatasetConversion.Run(train, Options("folder", source.Root)),
            Throws.InstanceOf<DatasetException>().With.Message.Contains("empty or new"));
    }

    [Test]
    public void NamesThatFoldersCannotHaveAreRefusedForFolders()
    {
        var folder = new FolderTarget("x");
        foreach (string name in new[] { "..", ".hidden", "a/b", "a\\b", "con:", "end.", " space", "" })
            Assert.That(() => folder.Check(new ClassList(["ok", name])), Throws.InstanceOf<DatasetException>(), name);
        Assert.That(() => folder.Check(new ClassList(["Cat", "cat"])), Throws.InstanceOf<DatasetException>());
        Assert.That(() => folder.Check(new ClassList(["tench, Tinca tinca", "Ähre"])), Throws.Nothing);
    }

    [Test]
    public void OtherProgramsReadTheTars()
    {
        using TestFolder source = Photos(), target = new();
        DatasetConversion.Run(Open(source, "train"), Options("webdataset", target.Root) with { ShardBytes = 1 << 20 });
        using FileStream file = File.OpenRead(target.Path("train-000000.tar"));
        using var tar = new TarReader(file);
        List<string> names = [];
        while (tar.GetNextEntry() is { } entry)
            names.Add(entry.Name);
        Assert.That(names, Has.Count.EqualTo(18));
        Assert.That(names.Select(n => n[..n.IndexOf('.')]).Distinct().Count(), Is.EqualTo(9));
        Assert.That(names.Count(n => n.EndsWith(".cls", StringComparison.Ordinal)), Is.EqualTo(9));
    }
}
