using PerturbedForgetting.Tensors;
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
        (List<ZipEntry> files, long directory, int leftOut) = ZipDirectory.Read(path);
        List<string> notes = leftOut == 0 ? []
            : [$"{Quantity.Of(leftOut, "file")} in {path} {(leftOut == 1 ? "is a link or has a name" : "are links or have names")} that leads "
                + "elsewhere: passed over"];
        SortedDictionary<string, int> others = new(StringComparer.Ordinal);
        List<TarImage> found = [];
        for (int i = 0; i < files.Count; i++)
        {
            string name = files[i].Name;
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
        long[] starts = [.. files.Select(static f => f.Offset).Order(), directory];
        return new ZipDataset(path, [.. images.Select(i => Image(files[(int)i.Member.Offset], i, starts))], classes, notes);
    }

    static ZipImage Image(ZipEntry entry, TarImage image, long[] starts)
    {
        int next = Array.BinarySearch(starts, entry.Offset + 1);
        return new ZipImage(entry, image.Name, starts[next < 0 ? ~next : next] - entry.Offset, image.Label);
    }
}
