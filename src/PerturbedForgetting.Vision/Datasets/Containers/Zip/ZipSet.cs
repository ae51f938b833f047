using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tensors.Serialization.Zip;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.Containers.Zip;

/// <summary>Opens sets of images in a zip archive that has a folder for each class, and perhaps for each split above them.</summary>
static class ZipSet
{
    /// <summary>The end of archives' names.</summary>
    public const string Extension = ".zip";

    /// <summary>Whether this is such an archive, by its name.</summary>
    public static bool IsArchive(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    /// <summary>Opens a split.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="split">Name of the split; empty for all images.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">It has no such split, or cannot be used.</exception>
    public static Dataset Open(string path, string split, DatasetOptions options)
    {
        (List<(ZipEntry Entry, string Path)> files, long directory, int leftOut) = Read(path);
        List<string> notes = leftOut == 0 ? []
            : [$"{Quantity.Of(leftOut, "file")} in {path} {(leftOut == 1 ? "is a link or has a name" : "are links or have names")} that "
                + $"leads "
                + "elsewhere: passed over"];
        SortedDictionary<string, int> others = new(StringComparer.Ordinal);
        List<TarImage> found = [];
        for (int i = 0; i < files.Count; i++)
        {
            string name = files[i].Path;
            if (TarText.IsLitter(name))
                continue;
            if (FolderScan.IsImage(name))
            {
                // The tree of folders knows an image by the number of its entry.
                found.Add(new TarImage(0, new TarMember(name, i, 0)));
                continue;
            }
            string kind = Path.GetExtension(name) is { Length: > 1 } extension ? extension : "without extension";
            others[kind] = others.GetValueOrDefault(kind) + 1;
        }
        var tree = new TarTree(path, options, notes);
        bool isSplit = SplitNames.Candidates(split).Contains(Path.GetFileNameWithoutExtension(path));
        (IEnumerable<TarImage> images, ClassList classes) = tree.Label(tree.Select(found, split, isSplit));
        if (FolderScan.Describe(others) is { } skipped)
            notes.Add(skipped);
        long[] starts = [.. files.Select(static f => f.Entry.Header).Order(), directory];
        return new ZipDataset(path, [.. images.Select(i => Image(files[(int)i.Member.Offset], i, starts))], classes, options,
            notes);
    }

    /// <summary>The files of an archive, links left out, in the directory's order.</summary>
    /// <returns>The files, where the directory begins, and how many links and names that lead elsewhere were left out.</returns>
    /// <exception cref="DatasetException">It is no zip archive, or damaged; the message names it.</exception>
    static (List<(ZipEntry Entry, string Path)> Files, long Directory, int LeftOut) Read(string path)
    {
        ZipDirectory directory;
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new IOException("it is not a regular file");
            using var file = new PositionalFile(path);
            directory = new ZipDirectory(file);
        }
        catch (WeightsException e)
        {
            throw new DatasetException(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
        List<(ZipEntry, string)> files = [];
        int leftOut = 0;
        foreach (ZipEntry entry in directory.Entries)
        {
            if (entry.Name.IsEmpty || entry.Name.Span[^1] is (byte)'/' or (byte)'\\')
                continue;
            if (!entry.IsLink && TarText.Clean(TarText.Decode(entry.Name.Span).Replace('\\', '/')) is { Length: > 0 } clean)
                files.Add((entry, clean));
            else
                leftOut++;
        }
        return (files, directory.Begin, leftOut);
    }

    static ZipImage Image((ZipEntry Entry, string Path) file, TarImage image, long[] starts)
    {
        int next = Array.BinarySearch(starts, file.Entry.Header + 1);
        return new ZipImage(file.Entry, file.Path, image.Name, starts[next < 0 ? ~next : next] - file.Entry.Header, image.Label);
    }
}
