using System.Buffers.Binary;
using System.IO.Compression;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

public class BinaryDatasetTests
{
    static DatasetException Refused(Action action) => Assert.Throws<DatasetException>(action)!;

    static byte[] Cifar(int records, int labelBytes, int classes, int seed)
    {
        var bytes = new byte[records * (3072 + labelBytes)];
        new Random(seed).NextBytes(bytes);
        for (int i = 0; i < records; i++)
        {
            for (int l = 0; l < labelBytes; l++)
                bytes[i * (3072 + labelBytes) + l] = (byte)((i + seed) % (l == labelBytes - 1 ? classes : 20));
        }
        return bytes;
    }

    static byte[] Pixels(Dataset set, int index)
    {
        using var image = new RgbImage();
        using var decoder = new ImageDecoder();
        set.Read(index, image, decoder);
        return image.Pixels.ToArray();
    }

    [Test]
    public void Cifar10IsRead([Values("", "cifar-10-batches-bin/")] string below)
    {
        using var folder = new TestFolder();
        for (int i = 1; i <= 5; i++)
            folder.Write($"{below}data_batch_{i}.bin", Cifar(4, 1, 10, i));
        byte[] test = Cifar(3, 1, 10, 9);
        folder.Write($"{below}test_batch.bin", test);
        Dataset train = DatasetFactory.Open("cifar10", folder.Root, "train"),
            validation = DatasetFactory.Open("cifar10", folder.Root, "validation");
        Assert.That((train.Count, validation.Count, train.Classes.Count), Is.EqualTo((20, 3, 10)));
        Assert.That(train.Label(7), Is.EqualTo((3 + 2) % 10));
        Assert.That(train.Describe(7), Does.EndWith("data_batch_2.bin, image 3"));
        Assert.That(train.Classes.Names[0], Is.EqualTo("airplane"));
        byte[] pixels = Pixels(validation, 2);
        for (int i = 0; i < 1024; i++)
        {
            for (int c = 0; c < 3; c++)
                Assert.That(pixels[i * 3 + c], Is.EqualTo(test[2 * 3073 + 1 + c * 1024 + i]));
        }
    }

    [Test]
    public void Cifar100TakesTheFineLabel()
    {
        using var folder = new TestFolder();
        folder.Write("train.bin", Cifar(120, 2, 100, 0));
        folder.Write("fine_label_names.txt", string.Join('\n', Enumerable.Range(0, 100).Select(i => $"name{i}")) + "\n");
        Dataset set = DatasetFactory.Open("cifar100", folder.Root, "train");
        Assert.That((set.Count, set.Label(119), set.Classes.Names[99]), Is.EqualTo((120, 19, "name99")));
    }

    [Test]
    public void DamagedCifarIsNamed()
    {
        using var folder = new TestFolder();
        Assert.That(Refused(() => DatasetFactory.Open("cifar10", folder.Root, "test")).Message,
            Does.Contain("test_batch.bin").And.Contain(folder.Root));
        string path = folder.Write("test_batch.bin", Cifar(3, 1, 10, 0)[..^1]);
        Assert.That(Refused(() => DatasetFactory.Open("cifar10", folder.Root, "test")).Message,
            Does.Contain(path).And.Contain("9218 bytes"));
        byte[] wrongLabel = Cifar(3, 1, 10, 0);
        wrongLabel[3073] = 10;
        folder.Write("test_batch.bin", wrongLabel);
        Assert.That(Refused(() => DatasetFactory.Open("cifar10", folder.Root, "test")).Message,
            Does.Contain("image 1").And.Contain("label 10"));
        folder.Write("test_batch.bin", []);
        Assert.That(Refused(() => DatasetFactory.Open("cifar10", folder.Root, "test")).Message, Does.Contain("0 bytes"));
    }

    static (byte[] Images, byte[] Labels) Mnist(int count, int height, int width)
    {
        var images = new byte[16 + count * height * width];
        new Random(1).NextBytes(images.AsSpan(16));
        var labels = new byte[8 + count];
        BinaryPrimitives.WriteInt32BigEndian(images, 0x803);
        BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(4), count);
        BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(8), height);
        BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(12), width);
        BinaryPrimitives.WriteInt32BigEndian(labels, 0x801);
        BinaryPrimitives.WriteInt32BigEndian(labels.AsSpan(4), count);
        for (int i = 0; i < count; i++)
            labels[8 + i] = (byte)(i * 3 % 10);
        return (images, labels);
    }

    [Test]
    public void MnistIsRead([Values] bool packed, [Values("-", ".")] string separator)
    {
        using var folder = new TestFolder();
        (byte[] images, byte[] labels) = Mnist(7, 5, 4);
        folder.Write($"t10k-images{separator}idx3-ubyte{(packed ? ".gz" : "")}", packed ? Gzip(images) : images);
        folder.Write($"t10k-labels{separator}idx1-ubyte{(packed ? ".gz" : "")}", packed ? Gzip(labels) : labels);
        Dataset set = DatasetFactory.Open("mnist", folder.Root, "test");
        Assert.That((set.Count, set.Label(5), set.Classes.Count), Is.EqualTo((7, 5, 10)));
        byte[] pixels = Pixels(set, 6);
        Assert.That(pixels, Has.Length.EqualTo(60));
        for (int i = 0; i < 60; i++)
            Assert.That(pixels[i], Is.EqualTo(images[16 + 6 * 20 + i / 3]));
    }

    [Test]
    public void DamagedMnistIsNamed()
    {
        using var folder = new TestFolder();
        (byte[] images, byte[] labels) = Mnist(7, 5, 4);
        Assert.That(Refused(() => DatasetFactory.Open("mnist", folder.Root, "train")).Message, Does.Contain("train-images-idx3-ubyte"));
        Check(images[..^1], labels, "train-images");
        Check(images, labels[..^1], "train-labels");
        Check(labels, labels, "train-images");
        Check(images[..3], labels, "train-images");
        BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(4), int.MaxValue);
        Check(images, labels, "train-images");
        folder.Write("train-images-idx3-ubyte.gz", [0x1F, 0x8B, 8, 0, 1]);
        File.Delete(folder.Path("train-images-idx3-ubyte"));
        Assert.That(Refused(() => DatasetFactory.Open("mnist", folder.Root, "train")).Message, Does.Contain("train-images-idx3-ubyte.gz"));

        void Check(byte[] imageBytes, byte[] labelBytes, string named)
        {
            folder.Write("train-images-idx3-ubyte", imageBytes);
            folder.Write("train-labels-idx1-ubyte", labelBytes);
            Assert.That(Refused(() => DatasetFactory.Open("mnist", folder.Root, "train")).Message, Does.Contain(named));
        }
    }

    [Test]
    public void SetsOfFixedClassesReportOtherClasses()
    {
        using var folder = new TestFolder();
        folder.Write("test_batch.bin", Cifar(3, 1, 10, 0));
        var options = new DatasetOptions { Classes = new ClassList(["airplane", "boat"]) };
        Assert.That(DatasetFactory.Open("cifar10", folder.Root, "test", options).Notes.Single(),
            Does.Contain("number 1 is 'automobile' here and 'boat' there"));
    }

    [TestCase("cifar-10", "Did you mean 'cifar10'?")]
    [TestCase("foldr", "Did you mean 'folder'?")]
    [TestCase("builtin/shape", "Did you mean 'builtin/shapes'?")]
    [TestCase("completely-different", "Known: folder")]
    [TestCase("cifar10", "`dataDir`")]
    [TestCase("builtin/shapes:shade=1", "'shade' is no setting")]
    [TestCase("builtin/shapes:share=1.5", "share=1.5 is out of range")]
    [TestCase("builtin/shapes:share=0,9", "'9' is no setting")]
    [TestCase("builtin/shapes:train=-1", "train=-1 is out of range")]
    [TestCase("builtin/shapes:size=99999", "8 to 1024")]
    public void WrongNamesGetAdvice(string name, string advice)
    {
        DatasetException e = Refused(() => DatasetFactory.Open(name, null, "train"));
        Assert.That(e.Message, Does.Contain(advice));
        Assert.That(e.WrongOption);
    }

    [Test]
    public void UnknownSplitIsRefused() =>
        Assert.That(Refused(() => DatasetFactory.Open("builtin/shapes", null, "train[:10%]")).Message,
            Does.Contain("'train[:10%]'").And.Contain("validation"));

    static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }
}
