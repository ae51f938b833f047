using System.IO.Enumeration;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Finds the shards that patterns name: braces, wildcards, several patterns with "::" between them.</summary>
static class ShardList
{
    static readonly string[] remote = ["pipe:", "http:", "https:", "s3:", "gs:", "gcs:", "hf:", "ais:", "azure:"];

    /// <summary>Whether a text names shards, rather than a folder or a split.</summary>
    public static bool IsPattern(string text) =>
        text.AsSpan().ContainsAny("{*?") || text.Contains("::", StringComparison.Ordinal) || TarNames.IsArchive(WithoutCount(text));

    /// <summary>The files that patterns name.</summary>
    /// <param name="patterns">Patterns; "|" and a number of samples behind one is passed over, as timm writes it.</param>
    /// <param name="folder">What they are relative to; empty for the current folder.</param>
    /// <exception cref="DatasetException">One names nothing, or a file that is not there.</exception>
    public static List<string> Find(string patterns, string folder)
    {
        List<string> shards = [];
        foreach (string pattern in patterns.Split("::", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (Array.Find(remote, r => pattern.StartsWith(r, StringComparison.OrdinalIgnoreCase)) is { } scheme)
                throw new DatasetException($"'{pattern}': shards are read from files, not through {scheme} Download them first",
                    wrongOption: true);
            string local = WithoutCount(pattern);
            local = Path.Combine(folder, local.StartsWith("file:", StringComparison.OrdinalIgnoreCase) ? local[5..] : local);
            // A name may have any of the characters that patterns are made of.
            List<string> names = File.Exists(local) ? [local] : BraceExpansion.Expand(local);
            foreach (string name in names)
            {
                if (File.Exists(name))
                    shards.Add(name);
                else if (name.AsSpan().ContainsAny('*', '?'))
                    shards.AddRange(Glob(name));
                else
                    throw Missing(names, name);
            }
        }
        if (shards.Count == 0)
            throw new DatasetException($"'{patterns}' names no shard", wrongOption: true);
        return shards;
    }

    static List<string> Glob(string pattern)
    {
        string full = Path.GetFullPath(pattern), root = Path.GetPathRoot(full)!;
        List<string> found = [root];
        string[] parts = full[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < parts.Length; i++)
        {
            string part = parts[i];
            bool isLast = i == parts.Length - 1;
            found = [.. found.SelectMany(folder => Matches(folder, part, isLast)).Order(StringComparer.Ordinal)];
        }
        return found.Count > 0 ? found : throw new DatasetException($"no file is called like '{pattern}'", wrongOption: true);
    }

    static IEnumerable<string> Matches(string folder, string part, bool isFile)
    {
        if (!part.AsSpan().ContainsAny('*', '?'))
            return (isFile ? File.Exists(Path.Combine(folder, part)) : Directory.Exists(Path.Combine(folder, part)))
                ? [Path.Combine(folder, part)] : [];
        try
        {
            return (isFile ? Directory.GetFiles(folder) : Directory.GetDirectories(folder))
                .Where(path => FileSystemName.MatchesSimpleExpression(part, Path.GetFileName(path), ignoreCase: false)
                    && !FolderScan.IsLitter(Path.GetFileName(path)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{folder} cannot be read: {e.Message}");
        }
    }

    static DatasetException Missing(List<string> names, string first)
    {
        int missing = names.Count(static n => !File.Exists(n) && !n.AsSpan().ContainsAny('*', '?'));
        return new DatasetException(names.Count == 1 ? $"there is no shard {first}"
            : $"there is no shard {first}: {missing} of {Quantity.Of(names.Count, "shard")} are missing; download them, or correct the "
                + "braces", wrongOption: true);
    }

    static string WithoutCount(string pattern)
    {
        int bar = pattern.LastIndexOf('|');
        bool isCount = bar > 0 && bar < pattern.Length - 1 && !pattern.AsSpan(bar + 1).ContainsAnyExceptInRange('0', '9');
        return isCount ? pattern[..bar] : pattern;
    }
}
