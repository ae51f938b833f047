namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Where a folder really lies, so that one folder under several names is known as one.</summary>
static class RealPath
{
    // As Linux counts.
    const int MostLinks = 40;

    /// <summary>How real paths are compared: the file systems of Windows and macOS do not tell case apart.</summary>
    public static StringComparer Comparer { get; } =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    /// <summary>The path with every symbolic link in it replaced by what it leads to.</summary>
    /// <exception cref="IOException">The links lead to each other.</exception>
    public static string Of(string path)
    {
        string full = Path.GetFullPath(path), real = Path.GetPathRoot(full)!;
        var left = new Stack<string>();
        Push(full[real.Length..]);
        for (int links = 0; left.TryPop(out string? part);)
        {
            if (part is "" or ".")
                continue;
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }
            string next = Path.Combine(real, part);
            if (new DirectoryInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MostLinks)
                throw new IOException($"{path}: the symbolic links on this path lead to each other");
            string root = Path.GetPathRoot(target) ?? "";
            if (root.Length > 0)
                real = Path.GetFullPath(root);
            Push(target[root.Length..]);
        }
        return real;

        void Push(string parts)
        {
            foreach (string part in parts.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Reverse())
                left.Push(part);
        }
    }

    /// <summary>The folders above a path, nearest first.</summary>
    public static IEnumerable<string> Parents(string path)
    {
        for (string? above = Path.GetDirectoryName(path); above is not null; above = Path.GetDirectoryName(above))
            yield return above;
    }
}
