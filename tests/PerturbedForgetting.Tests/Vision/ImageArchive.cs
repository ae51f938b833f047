using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>How it is known what an image of the archive must become.</summary>
enum ImageOrigin
{
    /// <summary>Pillow decoded it.</summary>
    Pillow,

    /// <summary>Pillow does not read it; the program that made it knows its pixels.</summary>
    Known,

    /// <summary>It is of a kind that is refused by name.</summary>
    Refused,
}

/// <summary>A small image and the SHA-1 of the RGB bytes that it must become.</summary>
sealed record ArchivedImage(string Name, byte[] Data, ImageOrigin Origin, int Width, int Height, string Hash)
{
    /// <summary>The format, which is the extension that the generator uses.</summary>
    public string Format => Name[..Name.IndexOf('/')];

    /// <summary>The kind: the name without number and size.</summary>
    public string Kind => Name[(Name.IndexOf('_') + 1)..Math.Max(Name.LastIndexOf('_'), Name.IndexOf('_') + 1)];
}

/// <summary>The images that <c>tools/image-differential</c> made of every format and sub-kind, with what Pillow makes of them. The test
/// parameter <c>images</c> names another archive, of another seed.</summary>
static class ImageArchive
{
    public static IReadOnlyList<ArchivedImage> All { get; } = Read();

    /// <summary>Whether it is the archive of the repository, whose contents are known.</summary>
    public static bool IsStored => Other is null;

    static string? Other => TestContext.Parameters.Get("images");

    static List<ArchivedImage> Read()
    {
        var files = new Dictionary<string, byte[]>();
        using var packed = new GZipStream(File.OpenRead(Other ?? TestImages.PathOf("differential.tar.gz")), CompressionMode.Decompress);
        using var archive = new TarReader(packed);
        while (archive.GetNextEntry() is { } entry)
        {
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            files.Add(entry.Name, content.ToArray());
        }
        var images = new List<ArchivedImage>();
        string table = Encoding.ASCII.GetString(files["expected.txt"]);
        foreach (string line in table.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split(' ');
            ImageOrigin origin = Enum.Parse<ImageOrigin>(fields[1], ignoreCase: true);
            images.Add(origin == ImageOrigin.Refused ? new ArchivedImage(fields[0], files[fields[0]], origin, 0, 0, "")
                : new ArchivedImage(fields[0], files[fields[0]], origin, int.Parse(fields[2]), int.Parse(fields[3]), fields[4]));
        }
        return images;
    }
}
