namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Finds class folders and images. Hidden entries, the litter of file managers and notebooks, and files that are
/// no images by their extension are passed over.</summary>
/// <remarks>Symbolic links are followed, because subsets of large sets are commonly made of links; a folder that links to
/// one of its own parents is not entered again.</remarks>
sealed class FolderScan
{
    static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".tga",
    };

    static readonly HashSet<string> Litter = new(StringComparer.OrdinalIgnoreCase)
    {
        "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "$RECYCLE.BIN", "System Volume Information",
    };

    static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    readonly SortedDictionary<string, int> skipped = new(StringComparer.Ordinal);

    /// <summary>A sentence about the files passed over, or null if there were none.</summary>
    public string? SkippedNote => skipped.Count == 0 ? null
        : "files that are no images were passed over: " + string.Join(", ", skipped.Select(s => $"{s.Value} {s.Key}"));

    /// <summary>Names of the sub-folders that are not hidden, in ordinal order.</summary>
    public static List<string> SubFolders(string folder)
    {
        List<string> names = [.. new DirectoryInfo(folder).EnumerateDirectories("*", Everything).Select(d => d.Name)
            .Where(n => !IsLitter(n))];
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Paths of the images in a folder and below, relative to <paramref name="root"/>, in ordinal order.</summary>
    public List<string> Images(string root, string folder)
    {
        var found = new List<string>();
        Collect(new DirectoryInfo(Path.Combine(root, folder)), root, found, []);
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    void Collect(DirectoryInfo folder, string root, List<string> found, List<string> parents)
    {
        string real = (folder.ResolveLinkTarget(returnFinalTarget: true) ?? folder).FullName;
        if (parents.Contains(real))
            return;
        parents.Add(real);
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos("*", Everything))
        {
            if (IsLitter(entry.Name))
                continue;
            if (entry is DirectoryInfo inner)
                Collect(inner, root, found, parents);
            else if (Extensions.Contains(entry.Extension))
                found.Add(Path.GetRelativePath(root, entry.FullName));
            else
                Skip(entry.Extension.Length > 1 ? entry.Extension : "without extension");
        }
        parents.RemoveAt(parents.Count - 1);
    }

    void Skip(string kind) => skipped[kind] = skipped.GetValueOrDefault(kind) + 1;

    /// <summary>Hidden by its name (.DS_Store, ._a.jpg, .ipynb_checkpoints) or known litter.</summary>
    static bool IsLitter(string name) => name.StartsWith('.') || Litter.Contains(name);
}
