using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>CIFAR and ImageNet as they are downloaded, made small by <c>make_downloads.py</c>.</summary>
public class DownloadedSetsTests
{
    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static byte[] Pixels(Dataset set, int index)
    {
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        set.Read(index, image, decoder);
        return image.Pixels.ToArray();
    }

    static void Unpack(string archive, TestFolder into)
    {
        foreach ((string name, byte[] data) in StoredTars.Members(StoredTars.PathOf($"downloads/{archive}")))
            into.Write(name, data);
    }

    static string Copy(string name, TestFolder into) => into.Write(name, File.ReadAllBytes(StoredTars.PathOf($"downloads/{name}")));

    [Test]
    public void ImageNetsArchiveTakesTheLabelsOfReal()
    {
        using var folder = new TestFolder();
        Copy("ILSVRC2012_img_val.tar", folder);
        Copy("ILSVRC2012_devkit_t12.tar.gz", folder);
        using Dataset plain = DatasetFactory.Open("imagenet", folder.Root, "validation");
        folder.Write("real.json", $"[{string.Join(", ", Enumerable.Range(0, plain.Count).Select(i => $"[{i}, 999]"))}]");
        using Dataset real = DatasetFactory.Open("imagenet2012_real", folder.Root, "validation",
            new() { Classes = ImageNetClasses.All });
        Assert.That(Enumerable.Range(0, real.Count).Select(i => real.LabelSet(i).ToArray()),
            Is.EqualTo(Enumerable.Range(0, plain.Count).Select(i => new[] { i, 999 })));
        Assert.That(Enumerable.Range(0, real.Count).Select(i => ImageNetClasses.All.Names[real.Label(i)]),
            Is.EqualTo(Enumerable.Range(0, plain.Count).Select(i => plain.Classes.Names[plain.Label(i)])));
    }

    [Test]
    public void CifarIsOneSetInAllItsForms(
        [Values("cifar10", "cifar100")] string name, [Values("binary", "python")] string form,
        [Values("archive", "folder", "unpacked")] string how)
    {
        int classes = name == "cifar10" ? 10 : 100;
        using var folder = new TestFolder();
        string archive = $"cifar-{classes}-{form}.tar.gz", path = folder.Root;
        if (how == "unpacked")
            Unpack(archive, folder);
        else
        {
            string copied = Copy(archive, folder);
            path = how == "archive" ? copied : path;
        }
        using Dataset train = DatasetFactory.Open(name, path, "train"), test = DatasetFactory.Open(name, path, "validation");
        Assert.That((train.Count, test.Count, train.Classes.Names[9]), Is.EqualTo((classes == 10 ? 10 : 2, 2, "name 9")));
        Assert.That((test.Label(0), test.Label(1)), Is.EqualTo((27 % classes, 28 % classes)));
        byte[] pixels = Pixels(test, 1);
        Assert.That(Enumerable.Range(0, 3072),
            Has.All.Matches<int>(i => pixels[i % 1024 * 3 + i / 1024] == (byte)(7 + 31 * 9 + (i >> 6))));
        string file = (classes == 10 ? "test_batch" : "test") + (form == "binary" ? ".bin" : "");
        Assert.That(test.Describe(1), Does.EndWith($"{file}, image 1"));
    }

    [Test]
    public void DamagedCifarIsNamed()
    {
        static string Message(TestFolder folder) => Refused(() => DatasetFactory.Open("cifar10", folder.Root, "test")).Message;
        using var folder = new TestFolder();
        string path = Copy("cifar-10-python.tar.gz", folder);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^900]);
        Assert.That(Message(folder), Does.Contain(path));
        File.Delete(path);
        Unpack("cifar-10-python.tar.gz", folder);
        string batch = folder.Path("cifar-10-batches-py", "test_batch");
        byte[] good = File.ReadAllBytes(batch);
        File.WriteAllBytes(batch, good[..^100]);
        Assert.That(Message(folder), Does.Contain(batch));
        File.WriteAllBytes(batch, [0x80, 2, (byte)'K', 5, (byte)'.']);
        Assert.That(Message(folder), Does.Contain(batch).And.Contain("dictionary"));
        File.Copy(folder.Path("cifar-10-batches-py", "batches.meta"), batch, overwrite: true);
        Assert.That(Message(folder), Does.Contain("does not hold 'data'"));
        File.WriteAllBytes(batch, "cos\nsystem\n(S'echo'\ntR."u8.ToArray());
        Assert.That(Message(folder), Does.Contain(batch), "nothing is called");
    }

    [Test]
    public void ImageNetsArchivesAreReadWithTheDevkit([Values("devkit", "unpacked", "solution", "list")] string labels)
    {
        using var folder = new TestFolder();
        string archive = Copy("ILSVRC2012_img_val.tar", folder);
        File.Copy(StoredTars.PathOf("tools/nested.tar"), folder.Path("ILSVRC2012_img_train.tar"));
        if (labels == "devkit")
            Copy("ILSVRC2012_devkit_t12.tar.gz", folder);
        else if (labels == "unpacked")
            Unpack("ILSVRC2012_devkit_t12.tar.gz", folder);
        else if (labels == "solution")
            Copy("LOC_val_solution.csv", folder);
        else
            folder.Write(ValidationLabels.List, "n01440764\nn02085620\nn01443537\nn02085620\nn01440764\n");
        using Dataset train = DatasetFactory.Open("imagenet", folder.Root, "train"),
            alone = DatasetFactory.Open("imagenet", archive, "val"),
            validation = DatasetFactory.Open("imagenet", folder.Root, "validation", new DatasetOptions { Classes = train.Classes });
        Assert.That((train.Count, train.Classes.Names[2]), Is.EqualTo((6, "n02085620")));
        foreach (Dataset set in new[] { validation, alone })
        {
            Assert.That(Enumerable.Range(0, 5).Select(set.Label), Is.EqualTo(new[] { 0, 2, 1, 2, 0 }));
            Assert.That(set.Describe(4), Does.EndWith("ILSVRC2012_img_val.tar: ILSVRC2012_val_00000005.JPEG"));
            Assert.That(Pixels(set, 4), Is.Not.Empty);
        }
    }

    [Test]
    public void KagglesFoldersAreReadWithTheSolution([Values("", "ILSVRC", "ILSVRC/Data/CLS-LOC")] string below)
    {
        using var folder = new TestFolder();
        foreach ((string name, byte[] data) in StoredTars.Members(StoredTars.PathOf("downloads/ILSVRC2012_img_val.tar")))
            folder.Write($"ILSVRC/Data/CLS-LOC/val/{name}", data);
        foreach (string wnid in new[] { "n01440764", "n01443537", "n02085620" })
        {
            foreach ((string name, byte[] data) in StoredTars.Members(StoredTars.PathOf($"classes/{wnid}.tar")))
                folder.Write($"ILSVRC/Data/CLS-LOC/train/{wnid}/{name}", data);
        }
        Copy("LOC_val_solution.csv", folder);
        string dataDir = Path.Combine(folder.Root, below);
        using Dataset train = DatasetFactory.Open("imagenet", dataDir, "train"),
            validation = DatasetFactory.Open("imagenet", dataDir, "validation", new DatasetOptions { Classes = train.Classes });
        Assert.That((train.Count, validation.Count), Is.EqualTo((6, 5)));
        Assert.That(Enumerable.Range(0, 5).Select(validation.Label), Is.EqualTo(new[] { 0, 2, 1, 2, 0 }));
    }

    [Test]
    public void WhatIsMissingOrWrongIsNamed()
    {
        using var folder = new TestFolder();
        Assert.That(Refused(() => DatasetFactory.Open("imagenet", folder.Root, "train")).Message, Does.Contain("ILSVRC2012_img_train.tar"));
        Assert.That(Refused(() => DatasetFactory.Open("imagenet", folder.Root, "val")).Message, Does.Contain("ILSVRC2012_img_val.tar"));
        Copy("ILSVRC2012_img_val.tar", folder);
        Assert.That(Refused(() => DatasetFactory.Open("imagenet", folder.Root, "val")).Message,
            Does.Contain("ILSVRC2012_devkit_t12.tar.gz").And.Contain("LOC_val_solution.csv"));
        folder.Write("LOC_val_solution.csv", "ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3\n");
        Assert.That(Refused(() => DatasetFactory.Open("imagenet", folder.Root, "val")).Message, Does.Contain("line 2"));
        folder.Write("LOC_val_solution.csv", "ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3 4\n");
        Assert.That(Refused(() => DatasetFactory.Open("imagenet", folder.Root, "val")).Message,
            Does.Contain("no class of 'ILSVRC2012_val_00000002.JPEG'"));
    }

    [Test]
    public void MatlabFilesAreReadOrNamed()
    {
        byte[] good = File.ReadAllBytes(StoredTars.PathOf("downloads/meta_uncompressed.mat"));
        MatValue synsets = MatFile.Read(good, "meta.mat", "synsets");
        Assert.That(synsets.Fields["WNID"].Select(static v => v.Text),
            Is.EqualTo(new[] { "n02085620", "n01440764", "n01443537", "n00001740", "n00015388" }));
        Assert.That(synsets.Fields["ILSVRC2012_ID"].Select(static v => v.Number), Is.EqualTo(new[] { 1, 2, 3, 4, 5 }));
        Assert.That(synsets.Fields["num_children"].Select(static v => v.Number), Is.EqualTo(new[] { 0, 0, 0, 2, 3 }));
        Assert.That(synsets.Fields["gloss"][0].Text, Does.StartWith("a gloss é"));
        Assert.That(Refused(() => MatFile.Read(good, "meta.mat", "other")).Message, Does.Contain("no variable 'other'"));
        Assert.That(Refused(() => MatFile.Read([], "meta.mat", "synsets")).Message, Does.Contain("no MATLAB file"));
        var random = new Random(1);
        for (int i = 0; i < 2000; i++)
        {
            byte[] bad = [.. good];
            bad[random.Next(128, 1200)] = (byte)random.Next(256);
            bad = bad[..(i % 2 == 0 ? bad.Length : random.Next(bad.Length))];
            try
            {
                MatFile.Read(bad, "meta.mat", "synsets");
            }
            catch (DatasetException)
            {
            }
        }
    }

    [Test]
    public void PackedArchivesAreUnpackedOnceAndLeaveNothing()
    {
        string[] Left() => [.. Directory.GetFiles(Path.GetTempPath(), "perturbed-forgetting-*.tar")];
        int before = Left().Length;
        using (Dataset train = DatasetFactory.Open("", StoredTars.PathOf("tools/packed.tar.gz"), "train"),
            validation = DatasetFactory.Open("", StoredTars.PathOf("tools/packed.tar.gz"), "validation"))
        {
            Assert.That((train.Count, validation.Count), Is.EqualTo((9, 3)));
            Assert.That(train.Notes, Has.Some.Contains("unpacked into a temporary file"));
            Assert.That(Pixels(train, 0), Is.Not.Empty);
            Assert.That(Pixels(validation, 2), Is.Not.Empty);
        }
        Assert.That(Left(), Has.Length.EqualTo(before));
        using var folder = new TestFolder();
        string cut = folder.Write("train.tar.gz", File.ReadAllBytes(StoredTars.PathOf("tools/packed.tar.gz"))[..1000]);
        Assert.That(Refused(() => DatasetFactory.Open("", cut, "train")).Message, Does.Contain(cut));
        byte[] bytes = File.ReadAllBytes(StoredTars.PathOf("tools/packed.tar.gz"));
        bytes.AsSpan(200, 50).Fill(0x55);
        string bad = folder.Write("bad.tgz", bytes);
        Assert.That(Refused(() => DatasetFactory.Open("", bad, "train")).Message, Does.Contain(bad));
    }
}
