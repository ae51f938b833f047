namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>The images of a folder by all names that a file of labels may give them: path below the folder or name of the file, with or
/// without extension, path with the folder's own before it.</summary>
sealed class ImageNames
{
    readonly string folder;
    readonly List<string> paths;
    readonly Dictionary<string, int> byPath = new(StringComparer.Ordinal);

    /// <summary>The shorter names; those that several images have are counted as <see cref="Several"/>.</summary>
    readonly Dictionary<string, int> byName = new(StringComparer.Ordinal);

    /// <param name="folder">The folder.</param>
    /// <param name="paths">Its images, relative to it.</param>
    public ImageNames(string folder, List<string> paths)
    {
        (this.folder, this.paths) = (Path.GetFullPath(folder).Replace('\\', '/'), paths);
        for (int i = 0; i < paths.Count; i++)
            byPath.TryAdd(paths[i].Replace('\\', '/'), i);
        for (int i = 0; i < paths.Count; i++)
        {
            string path = paths[i].Replace('\\', '/'), name = Path.GetFileName(path);
            foreach (string shorter in new HashSet<string>(StringComparer.Ordinal)
                { WithoutExtension(path), name, WithoutExtension(name) })
            {
                if (shorter != path)
                    byName[shorter] = byName.TryGetValue(shorter, out int other) && other != i ? Several : i;
            }
        }
    }

    /// <summary>No image, and more than one image, of a name.</summary>
    public const int None = -1, Several = -2;

    /// <summary>The image of a name: its number, <see cref="None"/> or <see cref="Several"/>.</summary>
    public int Find(ReadOnlySpan<char> name)
    {
        if (name.Contains('\\'))
            name = name.ToString().Replace('\\', '/');
        if (name.StartsWith("./", StringComparison.Ordinal))
            name = name[2..];
        if (Known(name) is not None and var direct)
            return direct;
        for (int slash = name.Length - 1; slash > 0; slash--)
        {
            if (name[slash] == '/' && EndsWithFolders(name[..slash]) && Known(name[(slash + 1)..]) is not None and var below)
                return below;
        }
        return None;
    }

    /// <summary>Some of the images that share a name.</summary>
    public string Sharing(string name)
    {
        string file = Path.GetFileName(name.Replace('\\', '/'));
        IEnumerable<string> sharing = paths.Where(p => Path.GetFileName(p) is var own && (own == file || WithoutExtension(own) == file));
        return string.Join(", ", sharing.Take(3));
    }

    int Known(ReadOnlySpan<char> name) =>
        byPath.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out int image)
        || byName.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out image) ? image : None;

    /// <summary>Whether the folder's path ends with these folders, or is this path.</summary>
    bool EndsWithFolders(ReadOnlySpan<char> folders) => folder.AsSpan().EndsWith(folders, StringComparison.Ordinal)
        && (folders.Length == folder.Length || folder[folder.Length - folders.Length - 1] == '/');

    static string WithoutExtension(string path) => Path.ChangeExtension(path, null);
}
