using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Labels;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Files of labels as people have them: separators, quotes, headers, columns, splits.</summary>
sealed class LabelsFileTests
{
    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    [TestCase("image,label\na.jpg,cat\nb.jpg,dog\n", TestName = "Header")]
    [TestCase("a.jpg,cat\nb.jpg,dog\n", TestName = "NoHeader")]
    [TestCase("a,cat\nb,dog", TestName = "NoExtensionNoLastLineBreak")]
    [TestCase("photo,kind\na,cat\nb,dog\n", TestName = "AHeaderOfOtherWords")]
    [TestCase("image;label\r\na.jpg;cat\r\nb.jpg;dog\r\n", TestName = "Semicolons")]
    [TestCase("image\tlabel\na.jpg\tcat\nb.jpg\tdog\n", TestName = "Tabs")]
    [TestCase("a.jpg|cat\nb.jpg|dog\n", TestName = "Bars")]
    [TestCase("a.jpg cat\nb.jpg dog\n", TestName = "ASpace")]
    [TestCase("\n\"a.jpg\" , \"cat\"\n\n  \nb.jpg,dog\n\n", TestName = "BlankLinesAndSpaces")]
    [TestCase("\uFEFFlabel,image\ncat,a.jpg\ndog,b.jpg\n", TestName = "TheLabelFirstAndAByteOrderMark")]
    [TestCase(",filename,class,width\n0,a.jpg,cat,3\n1,b.jpg,dog,4\n", TestName = "AnIndexAndOtherColumns")]
    [TestCase("id,class_id,class_name\na,0,cat\nb,1,dog\n", TestName = "NumberAndNameOfTheSameClasses")]
    [TestCase("image,cat,dog\na,1.0,0.0\nb,0.0,1.0\n", TestName = "AColumnForEachClass")]
    [TestCase("./a.jpg,cat\n.\\b.jpg,dog\n", TestName = "PathsFromHere")]
    [TestCase("val/a.jpg,cat\nval\\b.jpg,dog\n", TestName = "PathsFromTheDataFolder")]
    [TestCase("image,label,note\na.jpg,cat,\"x, y\"\nb.jpg,dog,\"two\nlines\"\n", TestName = "QuotedSeparatorsAndLineBreaks")]
    public void AreRead(string csv)
    {
        Dataset set = Open(csv, "a.jpg", "b.jpg");
        Assert.That(set.Classes.Names, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That(Labelled(set), Is.EqualTo(new[] { ("a.jpg", "cat"), ("b.jpg", "dog") }));
    }

    [TestCase("image,label\na.jpg,cat\nc.jpg,dog\n", "line 3: no image 'c.jpg'", "train=FILE,val=FILE")]
    [TestCase("c.jpg,cat\na.jpg,cat\n", "line 1: no image 'c.jpg'", "")]
    [TestCase("c,cat\na,cat\nb,dog\n", "line 1: no image 'c'", "")]
    [TestCase("image,label,note\na.jpg,cat,\"two\nlines\"\nc.jpg,dog,\n", "line 4: no image 'c.jpg'", "")]
    [TestCase("image,label\na.jpg,\n", "line 2", "has no class")]
    [TestCase("image,label\na.jpg,cat\n\nA.jpg,cat\n", "line 4: no image 'A.jpg'", "")]
    [TestCase("image,label\na.jpg,cat\na,cat\n", "line 3", "labelled twice, the first time in line 2")]
    [TestCase("image,cat,dog\na,1,0\nb,1,1\n", "'cat', 'dog' could each be the label", "--")]
    [TestCase("image,cat,dog\na,1,0\nb,0,1\nc.jpg,1,0", "line 4: no image 'c.jpg'", "")]
    [TestCase("image,colour,shape\na,red,round\nb,red,square\n", "'colour', 'shape' could each be the label", "`LabelColumn` NAME")]
    [TestCase("a,red,round\nb,red,square\n", "'2', '3' could each be the label", "`LabelColumn` NUMBER")]
    [TestCase("a.jpg,\"cat\nb.jpg,dog\n", "line 1", "is a quote not closed?")]
    public void WrongRowsAreNamed(string csv, string expected, string advice)
    {
        var e = Assert.Throws<DatasetException>(() => Open(csv, "a.jpg", "b.jpg"), csv)!;
        Assert.That(e.Message, Does.Contain(expected).And.Contain("labels.csv").And.Contain(advice == "--" ? "" : advice));
    }

    [Test]
    public void AClassThatSeveralColumnsNameIsRefused()
    {
        string[] names = [.. Enumerable.Range(0, 120).Select(i => $"{i:000}.jpg")];
        IEnumerable<string> rows = names.Select((n, i) => i == 110 ? $"{n},1,1" : i == 115 ? $"{n},0,x" : $"{n},1,0");
        var e = Assert.Throws<DatasetException>(() => Open("image,cat,dog\n" + string.Join('\n', rows), names))!;
        Assert.That(e.Message, Does.Contain("line 112").And.Contain("both 'cat' and 'dog'"));
    }

    [TestCase("shape", "round", "square")]
    [TestCase("SHAPE", "round", "square")]
    [TestCase("2", "red", "blue")]
    public void AnOptionNamesTheColumn(string column, string first, string second)
    {
        Dataset set = Open("image,colour,shape\na,red,round\nb,blue,square\nc,red,square\n", ["a.jpg", "b.jpg", "c.jpg"],
            new DatasetOptions { LabelColumn = column });
        Assert.That(Labelled(set)[..2], Is.EqualTo(new[] { ("a.jpg", first), ("b.jpg", second) }));
        var e = Assert.Throws<DatasetException>(() => Open("image,colour,shape\na,red,round\n", ["a.jpg"],
            new DatasetOptions { LabelColumn = "shapes" }))!;
        Assert.That((e.WrongOption, e.Message.Contains("Did you mean 'shape'?", StringComparison.Ordinal)), Is.EqualTo((true, true)),
            e.Message);
    }

    [Test]
    public void TwoImagesOfOneNameNeedTheirFolder()
    {
        string[] images = ["x/1.jpg", "y/1.jpg", "x/2.jpg", "x/2.png", "3.jpg", "y/3.jpg"];
        Assert.That(Labelled(Open("image,label\nx/1.jpg,cat\ny/1,dog\nx/2.png,cat\n3.jpg,dog\ny/3.jpg,cat\n", images)),
            Is.EqualTo(new[] { ("x/1.jpg", "cat"), ("y/1.jpg", "dog"), ("x/2.png", "cat"), ("3.jpg", "dog"), ("y/3.jpg", "cat") }),
            "3.jpg is also a whole path");
        foreach ((string name, string sharing) in ((string, string)[])[("1.jpg", "1.jpg, y"), ("1", "1.jpg, y"), ("x/2", "2.jpg, x")])
        {
            var e = Assert.Throws<DatasetException>(() => Open($"image,label\n3.jpg,cat\n{name},cat\n", images))!;
            Assert.That(e.Message.Replace('\\', '/'), Does.Contain($"line 3: '{name}' is the name of more than one image")
                .And.Contain(sharing));
        }
    }

    [Test]
    public void EachSplitMayHaveItsFile()
    {
        foreach (string image in (string[])["images/1.jpg", "images/2.jpg", "images/3.jpg"])
            folder.Write(image, "");
        string train = folder.Write("labels/training.csv", "1.jpg,cat\n3.jpg,dog\n"), val = folder.Write("labels/val.csv", "2.jpg,dog\n");
        foreach (string labels in (string[])[$"train={train}, validation={val}", folder.Path("labels", "{split}.csv")])
        {
            var options = new DatasetOptions { LabelsFile = labels };
            Dataset training = DatasetFactory.Open("", folder.Path("images"), "train", options);
            Dataset validation = DatasetFactory.Open("", folder.Path("images"), "validation", options with { Classes = training.Classes });
            Assert.That(Labelled(training), Is.EqualTo(new[] { ("1.jpg", "cat"), ("3.jpg", "dog") }));
            Assert.That(Labelled(validation), Is.EqualTo(new[] { ("2.jpg", "dog") }));
            Assert.That(HoldOut.DescribeOverlap(training, validation), Is.Null);
        }
        Assert.That(Assert.Throws<DatasetException>(() => DatasetFactory.Open("", folder.Path("images"), "holdout",
            new DatasetOptions { LabelsFile = folder.Path("labels", "{split}.csv") }))!.Message, Does.Contain("holdout.csv"));
    }

    [Test]
    public void AColumnMayTellTheSplit()
    {
        foreach (string image in (string[])["1.jpg", "2.jpg", "3.jpg"])
            folder.Write(image, "");
        var options = new DatasetOptions
        {
            LabelsFile = folder.Write("labels.csv", "file,label,split\n1.jpg,cat,train\n3.jpg,dog,train\n2.jpg,dog,Val\n9.jpg,dog,extra\n"),
        };
        Assert.That(Labelled(DatasetFactory.Open("", folder.Root, "train", options)),
            Is.EqualTo(new[] { ("1.jpg", "cat"), ("3.jpg", "dog") }));
        Assert.That(Labelled(DatasetFactory.Open("", folder.Root, "validation", options)), Is.EqualTo(new[] { ("2.jpg", "dog") }));
        var e = Assert.Throws<DatasetException>(() => DatasetFactory.Open("", folder.Root, "holdout", options))!;
        Assert.That((e.WrongOption, e.Message), Is.EqualTo((true, e.Message)));
        Assert.That(e.Message, Does.Contain("split 'holdout'").And.Contain("'train', 'Val', 'extra'"));
    }

    [Test]
    public void WhatASpreadsheetWritesIsRead()
    {
        string csv = File.ReadAllText(
            Path.Combine(SourceTree.Root, "tests", "PerturbedForgetting.Tests", "Vision", "Labels", "labels_by_python.csv"));
        Assume.That(csv, Does.Contain("\"a; b.jpg\""));
        Dataset set = Open(csv, "a; b.jpg", "c.jpg", "e.jpg");
        Assert.That(Labelled(set), Is.EqualTo(new[] { ("a; b.jpg", "größer Fuchs"), ("c.jpg", "owl"), ("e.jpg", "größer Fuchs") }));
    }

    [Test]
    public void ALineOfAnyLengthTakesLittleMemory()
    {
        string file = folder.Write("labels.csv", "a.jpg,cat\n" + new string(',', 1 << 22));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Assert.Throws<DatasetException>(() => LabelsFile.Read(file, "x", ["a.jpg"], null))!.Message, Does.Contain("line 2"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(10L << 22));
    }

    Dataset Open(string csv, params string[] images) => Open(csv, images, new DatasetOptions());

    Dataset Open(string csv, string[] images, DatasetOptions options)
    {
        foreach (string image in images)
            folder.Write("val/" + image, "");
        return DatasetFactory.Open("", folder.Root, "val", options with { LabelsFile = folder.Write("labels.csv", csv) });
    }

    static (string Image, string Class)[] Labelled(Dataset set) => [.. Enumerable.Range(0, set.Count).Select(i =>
        (Path.GetRelativePath(set.Name, set.Describe(i)).Replace('\\', '/'), set.Classes.Names[set.Label(i)]))];
}
