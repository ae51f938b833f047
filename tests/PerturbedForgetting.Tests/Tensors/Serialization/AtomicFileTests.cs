using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

[TestFixture]
sealed class AtomicFileTests : TempFolderFixture
{
    [Test]
    public void AFileIsCreatedWithItsFoldersAndReplaced()
    {
        string path = folder[Path.Combine("new", "deep", "文件 ü.json")];
        AtomicFile.WriteText(path, "one");
        AtomicFile.WriteText(path, "zwölf");
        Assert.That(File.ReadAllText(path), Is.EqualTo("zwölf"));
        Assert.That(Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!), Has.Length.EqualTo(1));
    }

    [Test]
    public void AnExceptionOfTheWriterPassesThroughAndLeavesTheOldFile()
    {
        string path = OldFile();
        Assert.That(() => AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException("stop");
        }), Throws.InvalidOperationException.With.Message.EqualTo("stop"));
        AssertOldFileAlone(path);
    }

    /// <summary>The disk fills while a checkpoint is written, at every possible point.</summary>
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(8)]
    [TestCase(300)]
    [TestCase(2_000)]
    public void AFullDiskLeavesTheOldFileAndSaysWhich(int quota)
    {
        string path = OldFile();
        SafetensorsWriter writer = new();
        writer.Add<float>("w", SafetensorsDType.F32, [1000], new float[1000]);
        IOException error = Assert.Throws<IOException>(() => AtomicFile.Write(path, writer.WriteTo, temp => new QuotaStream(temp, quota)))!;
        Assert.That(error.Message, Does.Contain(path).And.Contain("No space left on device").And.Contain("unchanged"));
        AssertOldFileAlone(path);
    }

    [Test]
    public void AFolderInTheWayIsReportedAndNothingIsLeft()
    {
        string path = folder["folder"];
        Directory.CreateDirectory(path);
        Assert.That(() => AtomicFile.WriteText(path, "x"), Throws.InstanceOf<IOException>().With.Message.Contains(path));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void AFileWhereAFolderShouldBeIsReported()
    {
        string path = Path.Combine(OldFile(), "inside.json");
        Assert.That(() => AtomicFile.WriteText(path, "x"), Throws.InstanceOf<IOException>().With.Message.Contains(path));
    }

    [Test]
    public void ANameAsLongAsTheFileSystemAllowsWorks()
    {
        string path = folder[new string('n', 250) + ".json"];
        AtomicFile.WriteText(path, "x");
        Assert.That(File.Exists(path));
    }

    string OldFile()
    {
        string path = folder["last.safetensors"];
        File.WriteAllText(path, "old");
        return path;
    }

    void AssertOldFileAlone(string path)
    {
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.EqualTo(new[] { path }));
    }

    /// <summary>A file on a disk with room for a given number of bytes.</summary>
    sealed class QuotaStream(string path, int quota) : FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
        bufferSize: 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Position + buffer.Length > quota)
                throw new IOException("No space left on device");
            base.Write(buffer);
        }
    }
}
