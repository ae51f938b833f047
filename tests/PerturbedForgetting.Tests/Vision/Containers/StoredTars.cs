using System.Formats.Tar;
using System.IO.Compression;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>The files of <c>Fixtures/tars.tar.gz</c> and <c>downloads.tar.gz</c>, unpacked for all tests that read them.</summary>
static class StoredTars
{
    static readonly Lazy<TestFolder> unpacked = new(() =>
    {
        var folder = new TestFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        foreach ((string name, byte[] data) in new[] { "tars.tar.gz", "downloads.tar.gz" }.SelectMany(static a => Members(Fixture(a))))
            folder.Write(name, data);
        return folder;
    });

    /// <summary>A stored file.</summary>
    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Vision", "Containers", "Fixtures", name);

    /// <summary>The path of an archive, or of a folder of archives.</summary>
    public static string PathOf(string name) => unpacked.Value.Path(name);

    /// <summary>An archive of files that System.Formats.Tar writes.</summary>
    public static byte[] Of(params IEnumerable<(string Name, byte[] Data)> files)
    {
        using var archive = new MemoryStream();
        using (var writer = new TarWriter(archive))
        {
            foreach ((string name, byte[] data) in files)
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(data) });
        }
        return archive.ToArray();
    }

    /// <summary>The files of an archive as System.Formats.Tar reads them.</summary>
    public static List<(string Name, byte[] Data)> Members(string path)
    {
        using FileStream file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new TarReader(stream);
        List<(string, byte[])> members = [];
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.Name.EndsWith('/'))
                continue;
            using var data = new MemoryStream();
            entry.DataStream?.CopyTo(data);
            members.Add((entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name, data.ToArray()));
        }
        return members;
    }

    /// <summary>The size of an image, or what is wrong with it.</summary>
    public static string Read(Dataset set, int index)
    {
        using var decoder = new ImageDecoder();
        using var image = new RgbImage();
        try
        {
            set.Read(index, image, decoder);
            return $"{image.Width}x{image.Height}";
        }
        catch (ImageDecodeException e)
        {
            Assert.That(e.Message, Does.Contain(set.Describe(index)));
            return e.Reason;
        }
    }
}
