using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Tests.Vision;

public class ImageFolderDatasetTests
{
    static readonly byte[] Image = TestImages.Jpeg(8, 8);

    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static int[] Labels(Dataset dataset) => [.. Enumerable.Range(0, dataset.Count).Select(dataset.Label)];

    [Test]
    public void SubFoldersAreClassesInOrdinalOrder()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/b/2.jpg", "train/b/deep/er/1.PNG", "train/a/1.jpeg", "train/C/x.webp"])
            folder.Write(file, Image);
        var set = (ImageFolderDataset)DatasetFactory.Open("folder", folder.Root, "train");
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "C", "a", "b" }));
        Assert.That(Labels(set), Is.EqualTo(new[] { 0, 1, 2, 2 }));
        Assert.That(set.Describe(2), Is.EqualTo(folder.Path("train", "b", "2.jpg")));
        Assert.That(set.Notes, Is.Empty);
    }

    [Test]
    public void HiddenFilesAreNotClasses()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/a/1.jpg", "train/b/1.jpg", "train/a/._a.jpg", "train/.hidden/1.jpg",
            "train/.ipynb_checkpoints/1.jpg", "train/b/.ipynb_checkpoints/2.jpg", "train/__MACOSX/a/1.jpg"])
            folder.Write(file, Image);
        foreach (string file in (string[])["train/.DS_Store", "train/a/Thumbs.db", "train/a/notes.txt", "train/a/.DS_Store",
            "train/b/LICENSE"])
            folder.Write(file, "x");
        Dataset set = DatasetFactory.Open("", folder.Root, "train");
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "a", "b" }));
        Assert.That(set.Count, Is.EqualTo(2));
        Assert.That(set.Notes.Single(), Does.Contain("1 .txt").And.Contain("1 without extension"));
    }

    [Test]
    public void ValidationWithoutAClassKeepsTheNumbers()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "train/d/1.jpg", "val/a/1.jpg", "val/c/1.jpg",
            "val/d/1.jpg"])
            folder.Write(file, Image);
        Dataset train = DatasetFactory.Open("folder", folder.Root, "train");
        Dataset validation = DatasetFactory.Open("folder", folder.Root, "validation", new DatasetOptions { Classes = train.Classes });
        Assert.That(Labels(validation), Is.EqualTo(new[] { 0, 2, 3 }));
        Assert.That(validation.Classes.SameAs(train.Classes));
        Assert.That(validation.Notes, Has.Some.Contains("lacks 1 of the 4 classes").And.Some.Contains("'b'"));
        Assert.That(validation.Notes, Has.Some.Contains("'val' is used instead"));
    }

    [Test]
    public void UnknownClassInValidationIsAnErrorThatNamesIt()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/zebra/1.jpg"])
            folder.Write(file, Image);
        ClassList classes = DatasetFactory.Open("folder", folder.Root, "train").Classes;
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { Classes = classes })).Message,
            Does.Contain("'zebra'").And.Contain("'a', 'b'"));
    }

    [Test]
    public void ClassOrderIsAsChosen()
    {
        using var folder = new TestFolder();
        for (int i = 0; i < 12; i++)
            folder.Write($"train/{i}/1.jpg", Image);
        Assert.That(DatasetFactory.Open("folder", folder.Root, "train").Classes.Names,
            Is.EqualTo(new[] { "0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9" }));
        Dataset natural = DatasetFactory.Open("folder", folder.Root, "train", new DatasetOptions { ClassOrder = ClassOrder.Natural });
        Assert.That(natural.Classes.Names, Is.EqualTo(Enumerable.Range(0, 12).Select(i => $"{i}")));
        Assert.That(Labels(natural), Is.EqualTo(Enumerable.Range(0, 12)));
    }

    [Test]
    public void NaturalOrderTakesNumbersByValue()
    {
        string[] names = ["a2b10", "a10", "a2b9", "a02", "a2", "b", "a"];
        Array.Sort(names, NaturalOrder.Instance);
        Assert.That(names, Is.EqualTo(new[] { "a", "a02", "a2", "a2b9", "a2b10", "a10", "b" }));
    }

    [Test]
    public void LabelsComeFromACsvFile()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["val/x1.jpg", "val/x2.jpg", "val/x3.jpg"])
            folder.Write(file, Image);
        string labels = folder.Write("labels.csv", "ImageId,Class\nx3,dog\nx1.jpg,cat\n");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { LabelsFile = labels });
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That(Labels(set), Is.EqualTo(new[] { 1, 0 }));
        Assert.That(set.Describe(0), Does.EndWith("x3.jpg"));
        Assert.That(set.Notes.Single(), Does.Contain("1 of 3 images"));
    }

    [TestCase("ImageId,Class\nx1,0\nnone,1\n", "line 3", "'none'")]
    [TestCase("x1,0\nx1,1\n", "line 2", "twice")]
    [TestCase("x1,0\nx2\n", "line 2", "not image,class")]
    [TestCase("ImageId,Class\n", "labels.csv", "labels no image")]
    public void WrongLinesAreNamed(string csv, string where, string what)
    {
        using var folder = new TestFolder();
        folder.Write("val/x1.jpg", Image);
        folder.Write("val/x2.jpg", Image);
        string labels = folder.Write("labels.csv", csv);
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { LabelsFile = labels })).Message,
            Does.Contain(where).And.Contain(what).And.Contain(labels));
    }

    [Test]
    public void LabelsAreForFoldersOfImagesAndNotForClassFolders()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/cat/1.jpg", "train/cat/2.jpg", "train/dog/3.jpg", "val/1.jpg", "val/3.jpg"])
            folder.Write(file, Image);
        var options = new DatasetOptions { LabelsFile = folder.Write("val.csv", "image,class\n1.jpg,dog\n3.jpg,cat\n") };
        Dataset train = DatasetFactory.Open("folder", folder.Root, "train", options);
        Assert.That(Labels(train), Is.EqualTo(new[] { 0, 0, 1 }));
        Assert.That(train.Notes.Single(), Does.Contain("class folders").And.Contain("val.csv"));
        Dataset validation = DatasetFactory.Open("folder", folder.Root, "val", options with { Classes = train.Classes });
        Assert.That(Labels(validation), Is.EqualTo(new[] { 1, 0 }));
        Assert.That(validation.Notes, Is.Empty);
    }

    [Test]
    public void LabelsMayNameTheFoldersThatImagesLieIn()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["train/part1/1.jpg", "train/part2/2.jpg"])
            folder.Write(file, Image);
        string labels = folder.Write("labels.csv", "part2/2.jpg,cat\npart1\\1.jpg,dog\n");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train", new DatasetOptions { LabelsFile = labels });
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That(Labels(set), Is.EqualTo(new[] { 0, 1 }));
    }

    [TestCase("16000000", "line 3: label 16000000 would make 16000001 classes of 2 labelled images")]
    [TestCase("2147483647", "line 3: label 2147483647 would make 2147483648 classes")]
    [TestCase("2147483648", "line 3: label 2147483648 is no class number")]
    [TestCase("99999999999999999999", "line 3: label 99999999999999999999 is no class number")]
    public void ALabelThatNoClassCanHaveIsRefused(string label, string expected)
    {
        using var folder = new TestFolder();
        folder.Write("val/x1.jpg", Image);
        folder.Write("val/x2.jpg", Image);
        string labels = folder.Write("labels.csv", $"image,class\nx1,1\nx2,{label}\n");
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { LabelsFile = labels })).Message,
            Does.Contain(expected));
    }

    [Test]
    public void LabelsMayBeOfASmallPartOfManyClasses()
    {
        using var folder = new TestFolder();
        folder.Write("val/x1.jpg", Image);
        string labels = folder.Write("labels.csv", "x1,21840\n");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { LabelsFile = labels });
        Assert.That((set.Classes.Count, set.Label(0)), Is.EqualTo((21841, 21840)));
    }

    [Test]
    public void OtherClassOrderThanTheModelsIsReported()
    {
        using var folder = new TestFolder();
        foreach (string file in (string[])["val/a/1.jpg", "val/b/1.jpg", "val/c/1.jpg"])
            folder.Write(file, Image);
        var model = new ClassList(["a", "b", "c"]);
        string map = folder.Write("map.txt", "c\na\nb\n");
        Dataset set = DatasetFactory.Open("folder", folder.Root, "val", new DatasetOptions { Classes = model, ClassMapFile = map });
        Assert.That(Labels(set), Is.EqualTo(new[] { 1, 2, 0 }));
        Assert.That(set.Notes, Has.Some.Contains("class names differ from the model's").And.Some.Contains(set.Classes.Hash));
        Assert.That(set.Classes.Hash, Is.Not.EqualTo(model.Hash));
    }

    [TestCase("b,0\na,1\n", null)]
    [TestCase("b\na\n", null)]
    [TestCase("a\nb\na\n", "line 3")]
    [TestCase("a,0\nb,0\n", "line 2")]
    [TestCase("a,0\nb,7\n", "without gaps")]
    [TestCase("\n", "lists no class")]
    public void ClassMapIsRead(string text, string? error)
    {
        using var folder = new TestFolder();
        folder.Write("train/a/1.jpg", Image);
        folder.Write("train/b/1.jpg", Image);
        var options = new DatasetOptions { ClassMapFile = folder.Write("map.txt", text) };
        if (error is not null)
            Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "train", options)).Message, Does.Contain(error));
        else
            Assert.That(Labels(DatasetFactory.Open("folder", folder.Root, "train", options)), Is.EqualTo(new[] { 1, 0 }));
    }

    [Test]
    public void LabelsThatCountFromOneAreSuspected()
    {
        using var folder = new TestFolder();
        var csv = new System.Text.StringBuilder("ImageId,Class\n");
        for (int i = 1; i <= 10; i++)
        {
            folder.Write($"train/{i}.jpg", Image);
            csv.Append($"{i}.jpg,{i}\n");
        }
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train",
            new DatasetOptions { LabelsFile = folder.Write("l.csv", csv.ToString()) });
        Assert.That(Refused(() => set.CheckLabels(10)).Message, Does.Contain("label 10").And.Contain("10.jpg").And.Contain("count from 1")
            .And.Contain("`numClasses` 10"));
    }

    [Test]
    public void LabelsOutOfRangeAreFoundBeforeTraining()
    {
        using var folder = new TestFolder();
        for (int i = 0; i < 4; i++)
            folder.Write($"train/{i}/1.jpg", Image);
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        Assert.DoesNotThrow(() => set.CheckLabels(4));
        Assert.That(Refused(() => set.CheckLabels(3)).Message, Does.Contain("label 3").And.Contain("0..2").And.Contain("`numClasses` 4"));
    }

    [Test]
    public void ClassNamesMayHoldAnyCharacters()
    {
        using var folder = new TestFolder();
        string[] names = ["中文", "caf\u00e9", "\U0001F600", "a & b # c"];
        foreach (string name in names)
            folder.Write($"train/{name}/ü 1.jpg", Image);
        Dataset train = DatasetFactory.Open("folder", folder.Root, "train");
        Assert.That(train.Classes.Names, Is.EquivalentTo(names));
        using var image = new PerturbedForgetting.Vision.Imaging.RgbImage();
        using var decoder = new PerturbedForgetting.Vision.Imaging.ImageDecoder();
        for (int i = 0; i < train.Count; i++)
            Assert.DoesNotThrow(() => train.Read(i, image, decoder));
        // The same name as another system composes it.
        folder.Write("val/cafe\u0301/1.jpg", Image);
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "val",
            new DatasetOptions { Classes = train.Classes })).Message, Does.Contain("separate characters"));
    }

    [Test]
    public void SplitsAreFoundUnderTheirSynonyms()
    {
        using var folder = new TestFolder();
        folder.Write("training/a/1.jpg", Image);
        folder.Write("test/a/1.jpg", Image);
        folder.Write("test/a/2.jpg", Image);
        Assert.That(DatasetFactory.Open("folder", folder.Root, "train").Count, Is.EqualTo(1));
        Assert.That(DatasetFactory.Open("folder", folder.Root, "validation").Count, Is.EqualTo(2));
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "holdout")).Message,
            Does.Contain("holdout").And.Contain("'test'"));
    }

    [Test]
    public void ARootOfClassesIsATrainingSetButNoValidationSet()
    {
        using var folder = new TestFolder();
        folder.Write("a/1.jpg", Image);
        folder.Write("b/1.jpg", Image);
        Assert.That(DatasetFactory.Open("folder", folder.Root, "train").Notes, Has.Some.Contains("taken as the classes"));
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "validation")).Message,
            Does.Contain("validation, val").And.Contain("`split`"));
    }

    [Test]
    public void EmptyFoldersAreRefused()
    {
        using var folder = new TestFolder();
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Path("none"), "train")).Message, Does.Contain("there is no folder"));
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "train")).Message, Does.Contain("has no sub-folders"));
        folder.Write("train/a/readme.txt", "x");
        Assert.That(Refused(() => DatasetFactory.Open("folder", folder.Root, "train")).Message,
            Does.Contain("holds no image").And.Contain(".txt"));
    }

    [Test]
    public void LinksAreFollowedButNotInCircles()
    {
        using var folder = new TestFolder();
        folder.Write("store/x.jpg", Image);
        Directory.CreateDirectory(folder.Path("train", "a"));
        try
        {
            File.CreateSymbolicLink(folder.Path("train", "a", "1.jpg"), folder.Path("store", "x.jpg"));
            Directory.CreateSymbolicLink(folder.Path("train", "b"), folder.Path("store"));
            Directory.CreateSymbolicLink(folder.Path("train", "a", "loop"), folder.Path("train", "a"));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            Assert.Pass("This account may not make links.");
        }
        Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        Assert.That(Labels(set), Is.EqualTo(new[] { 0, 1 }));
    }
}
