using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Opens sets of Parquet files, as they lie in a folder of Hugging Face's: <c>data/train-00000-of-00002.parquet</c>,
/// <c>train/0000.parquet</c>, <c>train.parquet</c>; or in a tar archive of such a folder.</summary>
static partial class ParquetSet
{
    /// <summary>The kind of set, as an option names it.</summary>
    public const string Name = "parquet";

    /// <summary>The end of the files' names.</summary>
    public const string Extension = ".parquet";

    // As for a file of labels: more classes than that must be borne out by images.
    const int PlausibleClasses = 1 << 15, PlausibleClassesAnImage = 10;

    /// <summary>Whether a folder holds Parquet files rather than folders of images.</summary>
    public static bool Holds(string dataDir) => dataDir.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(dataDir)
        || (Directory.Exists(dataDir) && (HasFiles(dataDir) || HasFiles(Path.Combine(dataDir, "data"))));

    /// <summary>Opens a split.</summary>
    /// <exception cref="DatasetException">There is no such split, or a file cannot be used.</exception>
    public static Dataset Open(string dataDir, string split, DatasetOptions options)
    {
        List<string> notes = [];
        (string[] names, ContainerFiles files) = File.Exists(dataDir) && TarNames.IsArchive(dataDir)
            ? OpenArchive(dataDir, split, options, notes)
            : OpenFolder(dataDir, split, options, notes);
        try
        {
            RequireAll(dataDir, names);
            ParquetIndex[] indices = IndexCache.OfUser.Get(new ParquetIndexer(options.ImageColumn, options.LabelColumn), files, options);
            RequireAlike(files.Paths, indices);
            (int[] labels, ClassList classes) = Labels(files.Paths, indices, options);
            if (labels.Length == 0)
                throw new DatasetException($"{files.Paths[0]} holds no image");
            if (options.Classes?.DescribeDifference(classes) is { } difference)
                notes.Add(difference);
            return new ParquetDataset($"{dataDir}, {split}", files, indices, labels, classes, notes);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    static (string[], ContainerFiles) OpenFolder(string dataDir, string split, DatasetOptions options, List<string> notes)
    {
        if (File.Exists(dataDir))
            return SplitNames.Candidates(split).Contains("train") || split.Length == 0 ? ([dataDir], new([dataDir], options))
                : throw new DatasetException($"{dataDir} is one file, which is the training split; there is no split '{split}'",
                    wrongOption: true);
        if (!Directory.Exists(dataDir))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no folder {dataDir}", wrongOption: true);
        string[] names = Find(dataDir, [.. Directory.EnumerateFiles(dataDir, "*" + Extension,
            new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4 })
            .Select(p => Path.GetRelativePath(dataDir, p).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(static n => !n.Split('/').Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal)], split, notes);
        return (names, new ContainerFiles([.. names.Select(n => Path.Combine(dataDir, n))], options));
    }

    static (string[], ContainerFiles) OpenArchive(string path, string split, DatasetOptions options, List<string> notes)
    {
        bool isSplit = SplitNames.Candidates(split).Contains(TarNames.Stem(path));
        return TarParts.Open(path, Extension, all => isSplit ? all : Find(path, all, split, notes), options, notes);
    }

    static bool HasFiles(string folder) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*" + Extension).Any();

    /// <summary>The files of a split, in order.</summary>
    /// <param name="place">The folder or archive.</param>
    /// <param name="all">Names of the files in it, with '/' between folders, in ordinal order.</param>
    /// <param name="split">The split.</param>
    /// <param name="notes">Receives what was chosen.</param>
    static string[] Find(string place, string[] all, string split, List<string> notes)
    {
        if (all.Length == 0)
            throw new DatasetException($"{place} holds no {Extension} file", wrongOption: true);
        foreach (string candidate in SplitNames.Candidates(split).Where(static c => c.Length > 0))
        {
            string[] found = [.. all.Where(n => IsOf(n, candidate))];
            if (found.Length == 0)
                continue;
            if (candidate != split)
                notes.Add($"{place} has no split '{split}'; '{candidate}' is used instead");
            return OneFolder(found, candidate);
        }
        string[] splits = [.. all.Select(SplitOf).Distinct(StringComparer.Ordinal)];
        if (split.Length == 0 || (SplitNames.Candidates(split).Contains("train") && !splits.Any(SplitNames.IsSplit)))
        {
            notes.Add($"the files in {place} name no split; all of them are taken");
            return OneFolder(all, split);
        }
        throw new DatasetException($"{place} has no {Extension} file of split '{split}'; it has "
            + $"{string.Join(", ", splits.Take(8).Select(s => $"'{s}'"))}. Name one with `{nameof(split)}`", wrongOption: true);
    }

    static string[] OneFolder(string[] found, string split)
    {
        string[] folders = [.. found.Select(FolderOf).Distinct(StringComparer.Ordinal)];
        return folders.Length == 1 ? found
            : throw new DatasetException($"split '{split}' lies in {folders.Length} folders, of different sets it seems: "
                + $"{string.Join(", ", folders.Take(8))}; give one of them, or the one above it, as `dataDir`", wrongOption: true);
    }

    static bool IsOf(string path, string split) => SplitOf(path).Equals(split, StringComparison.OrdinalIgnoreCase)
        || path.Split('/')[..^1].Any(f => f.Equals(split, StringComparison.OrdinalIgnoreCase));

    /// <summary>The split that a file's name tells: what stands before the number of the shard.</summary>
    static string SplitOf(string path) => Shard().Match(Path.GetFileNameWithoutExtension(path)).Groups["split"].Value;

    static string FolderOf(string name) => name[..Math.Max(0, name.LastIndexOf('/'))];

    /// <summary>Refuses a set of which a shard is missing.</summary>
    static void RequireAll(string place, string[] names)
    {
        foreach (var group in names.Select(p => Shard().Match(Path.GetFileNameWithoutExtension(p))).Where(m => m.Groups["total"].Success)
            .GroupBy(m => (Split: m.Groups["split"].Value, Total: int.Parse(m.Groups["total"].ValueSpan, CultureInfo.InvariantCulture))))
        {
            var present = group.Select(m => int.Parse(m.Groups["number"].ValueSpan, CultureInfo.InvariantCulture)).ToHashSet();
            if (present.Count != group.Key.Total)
            {
                int missing = 0;
                while (present.Contains(missing))
                    missing++;
                throw new DatasetException(
                    $"{(File.Exists(place) ? place : Path.Combine(place, FolderOf(names[0])))}: "
                    + $"of the {group.Key.Total} files of '{group.Key.Split}' there are {present.Count}; "
                    + $"number {missing:00000} is missing, download it");
            }
        }
    }

    static void RequireAlike(IReadOnlyList<string> paths, ParquetIndex[] indices)
    {
        for (int i = 1; i < indices.Length; i++)
        {
            if (indices[i].IsNumber != indices[0].IsNumber || indices[i].Image.Name != indices[0].Image.Name
                || (indices[i].ClassNames is { } names && indices[0].ClassNames is { } first && !names.SequenceEqual(first)))
                throw new DatasetException($"{paths[i]} has other columns or classes than {paths[0]}; they are of different sets");
        }
    }

    static (int[] Labels, ClassList Classes) Labels(IReadOnlyList<string> paths, ParquetIndex[] indices, DatasetOptions options)
    {
        ClassList? required = options.ClassMapFile is { } map ? ClassMap.Read(map) : options.Classes;
        ClassList? own = indices[0].ClassNames is { } names ? new ClassList(names) : null;
        if (indices[0].IsNumber)
        {
            int images = indices.Sum(i => i.Labels.Length),
                most = own?.Count ?? (int)Math.Clamp((long)PlausibleClassesAnImage * images, PlausibleClasses, int.MaxValue);
            int[] numbers = Collect(paths, indices, text =>
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int label)
                && label < most ? label : -1, own is null ? $"no class number below {most}" : $"none of its {own.Count} classes");
            own ??= required is not null && numbers.DefaultIfEmpty(-1).Max() < required.Count ? required
                : new ClassList(Enumerable.Range(0, numbers.DefaultIfEmpty(-1).Max() + 1)
                    .Select(n => n.ToString(CultureInfo.InvariantCulture)));
            if (required is null || required.SameAs(own) || !own.Names.All(n => required.IndexOf(n) >= 0))
                return (numbers, own);
            // The same classes in another order, or more of them: numbers are the training set's.
            int[] mapped = [.. own.Names.Select(required.IndexOf)];
            return (Array.ConvertAll(numbers, n => mapped[n]), required);
        }
        ClassList classes = required
            ?? new ClassList(indices.SelectMany(i => i.Values).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        return (Collect(paths, indices, classes.IndexOf,
            $"none of the {Quantity.Of(classes.Count, "class", "classes")} of the training set"),
            classes);
    }

    static int[] Collect(IReadOnlyList<string> paths, ParquetIndex[] indices, Func<string, int> number, string otherwise)
    {
        int[] labels = new int[indices.Sum(i => i.Labels.Length)];
        int at = 0;
        for (int file = 0; file < indices.Length; file++)
        {
            int[] numbers = [.. indices[file].Values.Select(number)];
            for (int row = 0; row < indices[file].Labels.Length; row++)
            {
                int value = indices[file].Labels[row];
                if (value < 0 || numbers[value] < 0)
                    throw new DatasetException($"{paths[file]}, row {row}: "
                        + (value < 0 ? "it has no label (null)" : $"label '{indices[file].Values[value]}' is {otherwise}")
                        + "; a split without labels cannot be trained or validated on");
                labels[at++] = numbers[value];
            }
        }
        return labels;
    }

    [GeneratedRegex(@"^(?<split>.*?)(?:[-_.](?<number>\d{1,9})(?:-of-(?<total>\d{1,9}))?(?:-[0-9a-f]+)?)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Shard();
}
