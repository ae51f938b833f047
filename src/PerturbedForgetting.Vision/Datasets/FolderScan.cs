using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Finds class folders and images. Hidden entries, the litter of file managers and notebooks, and files that are
/// no images by their extension are passed over.</summary>
/// <remarks>Symbolic links are followed, because subsets of large sets are commonly made of links. A link to a folder that is read anyway,
/// to one that holds the link, or to another class is not followed: no image is read twice for a class, and no scan goes in
/// circles.</remarks>
/// <param name="folders">Folders that are scanned for themselves and are no part of each other: those of the classes.</param>
sealed class FolderScan(params IEnumerable<string> folders)
{
    const char Undecodable = '\uFFFD';

    static readonly HashSet<string> Extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".tga",
    };

    static readonly HashSet<string> Litter = new(StringComparer.OrdinalIgnoreCase)
    {
        "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "$RECYCLE.BIN", "System Volume Information",
    };

    static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    readonly HashSet<string> apart = folders.Select(RealPath.Of).ToHashSet(RealPath.Comparer);
    readonly SortedDictionary<string, int> skipped = new(StringComparer.Ordinal);
    int links, undecodable;
    string firstLink = "", firstUndecodable = "";

    /// <summary>A sentence about the files passed over, or null if there were none.</summary>
    public string? SkippedNote => Describe(skipped);

    /// <summary>Sentences about what was passed over or cannot be opened.</summary>
    public IEnumerable<string> Notes => new[]
    {
        SkippedNote,
        links == 0 ? null
            : $"{Quantity.Of(links, "link")} to folders that are read anyway {(links == 1 ? "was" : "were")} not followed: {firstLink}"
                + (links > 1 ? ", …" : ""),
        undecodable == 0 ? null
            : $"{Quantity.Of(undecodable, "image")} cannot be opened, because {(undecodable == 1 ? "its name is" : "their names are")} "
                + $"not UTF-8; rename {(undecodable == 1 ? "it" : "them")} (convmv does): {firstUndecodable}"
                + (undecodable > 1 ? ", …" : ""),
    }.OfType<string>();

    /// <summary>A sentence about files passed over, so many of each extension, or null if there were none.</summary>
    public static string? Describe(SortedDictionary<string, int> skipped) => skipped.Count == 0 ? null
        : "files that are no images were passed over: " + string.Join(", ", skipped.Select(s => $"{s.Value} {s.Key}"));

    /// <summary>Whether a name on the disk is no UTF-8, so that what .NET makes of it leads nowhere.</summary>
    public static bool IsUndecodable(string path) =>
        Path.GetFileName(path.AsSpan()).Contains(Undecodable) && !Path.Exists(path);

    /// <summary>Refuses folders that .NET cannot open because of their names.</summary>
    /// <exception cref="DatasetException">There is one; the message names it.</exception>
    public static void RequireDecodable(string parent, IEnumerable<string> names)
    {
        string[] wrong = [.. names.Where(n => IsUndecodable(Path.Combine(parent, n)))];
        if (wrong.Length > 0)
            throw new DatasetException($"{Path.Combine(parent, wrong[0])} cannot be opened, because the name of the folder is not UTF-8"
                + $"{(wrong.Length > 1 ? $" (one of {wrong.Length} such folders)" : "")}; rename it (convmv does)");
    }

    /// <summary>Names of the sub-folders that are not hidden, in ordinal order.</summary>
    public static List<string> SubFolders(string folder)
    {
        List<string> names = [.. new DirectoryInfo(folder).EnumerateDirectories("*", Everything).Select(d => d.Name)
            .Where(n => !IsLitter(n))];
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Whether images lie in the folder itself.</summary>
    public static bool HoldsImages(string folder) => new DirectoryInfo(folder).EnumerateFiles("*", Everything)
        .Any(f => !IsLitter(f.Name) && Extensions.Contains(f.Extension));

    /// <summary>Paths of the images in a folder and below, relative to <paramref name="root"/>, in ordinal order.</summary>
    public List<string> Images(string root, string folder)
    {
        DirectoryInfo start = new(Path.GetFullPath(Path.Combine(root, folder)));
        string real = RealPath.Of(start.FullName);
        var walk = new Walk(root, new([real, .. RealPath.Parents(real), .. RealPath.Parents(start.FullName)], RealPath.Comparer));
        Collect(start, real, walk);
        // Not before all that lies here itself is known, so that an image keeps its shortest name.
        while (walk.Links.Min is { } link)
        {
            walk.Links.Remove(link);
            string target = RealPath.Of(link);
            if (!apart.Contains(target) && walk.Seen.Add(target))
                Collect(new DirectoryInfo(link), target, walk);
            else if (links++ == 0)
                firstLink = link;
        }
        walk.Found.Sort(StringComparer.Ordinal);
        return walk.Found;
    }

    void Collect(DirectoryInfo folder, string real, Walk walk)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos("*", Everything))
        {
            if (IsLitter(entry.Name))
                continue;
            if (entry is DirectoryInfo inner)
            {
                RequireDecodable(folder.FullName, [inner.Name]);
                string path = Path.Combine(real, inner.Name);
                if (inner.LinkTarget is not null)
                    walk.Links.Add(inner.FullName);
                else if (!apart.Contains(path) && walk.Seen.Add(path))
                    Collect(inner, path, walk);
            }
            else if (Extensions.Contains(entry.Extension))
            {
                walk.Found.Add(Path.GetRelativePath(walk.Root, entry.FullName));
                if (IsUndecodable(entry.FullName) && undecodable++ == 0)
                    firstUndecodable = entry.FullName;
            }
            else
                Skip(entry.Extension.Length > 1 ? entry.Extension : "without extension");
        }
    }

    void Skip(string kind) => skipped[kind] = skipped.GetValueOrDefault(kind) + 1;

    /// <summary>Hidden by its name (.DS_Store, ._a.jpg, .ipynb_checkpoints) or known litter.</summary>
    public static bool IsLitter(ReadOnlySpan<char> name) =>
        name.StartsWith('.') || Litter.GetAlternateLookup<ReadOnlySpan<char>>().Contains(name);

    /// <summary>Whether a file is an image by its extension.</summary>
    public static bool IsImage(ReadOnlySpan<char> path) =>
        Extensions.GetAlternateLookup<ReadOnlySpan<char>>().Contains(Path.GetExtension(path));

    /// <summary>One scan: the folders it has been in, by their real paths, the links it has still to follow, and the images.</summary>
    sealed record Walk(string Root, HashSet<string> Seen)
    {
        public SortedSet<string> Links { get; } = new(StringComparer.Ordinal);

        public List<string> Found { get; } = [];
    }
}
