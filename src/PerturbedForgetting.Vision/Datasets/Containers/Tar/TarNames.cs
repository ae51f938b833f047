namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>What tar archives are called.</summary>
static class TarNames
{
    /// <summary>The ends of their names.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".tar", ".tar.gz", ".tgz"];

    /// <summary>Whether a file is called like an archive.</summary>
    public static bool IsArchive(string path) => Extensions.Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a file is called like an archive that is packed by gzip.</summary>
    public static bool IsPacked(string path) => IsArchive(path) && !path.EndsWith(Extensions[0], StringComparison.OrdinalIgnoreCase);

    /// <summary>The name of an archive without folder and extension.</summary>
    public static string Stem(string path)
    {
        string name = Path.GetFileName(path);
        return name[..^(Extensions.FirstOrDefault(e => name.EndsWith(e, StringComparison.OrdinalIgnoreCase))?.Length ?? 0)];
    }

    /// <summary>Paths of the archives in a folder, in ordinal order; none where there is no such folder.</summary>
    /// <exception cref="DatasetException">The folder cannot be read.</exception>
    public static List<string> In(string folder)
    {
        if (!Directory.Exists(folder))
            return [];
        try
        {
            return [.. Directory.EnumerateFiles(folder).Where(f => IsArchive(f) && !FolderScan.IsLitter(Path.GetFileName(f)))
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{folder} cannot be read: {e.Message}");
        }
    }
}
