using PerturbedForgetting.Vision.Datasets.Containers.Parquet;
using PerturbedForgetting.Vision.Datasets.Labels;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Opens sets of images in tar archives: one archive with a folder for each class, and perhaps for each split above them; an
/// archive for each split; an archive for each class, in a folder or in another archive.</summary>
static class TarSet
{
    /// <summary>Whether what a split of is asked for is an archive, or a folder that holds it in archives rather than in folders.</summary>
    public static bool Holds(string dataDir, string split)
    {
        if (!Directory.Exists(dataDir))
            return TarNames.IsArchive(dataDir);
        IEnumerable<string> folders = SplitNames.Candidates(split).Where(static c => c.Length > 0).Select(c => Path.Combine(dataDir, c))
            .Where(Directory.Exists);
        return folders.FirstOrDefault() is { } folder ? TarNames.In(folder).Count > 0 && FolderScan.SubFolders(folder).Count == 0
            : TarNames.In(dataDir).Count > 0 && FolderScan.SubFolders(dataDir).Count == 0;
    }

    /// <summary>Opens a split.</summary>
    /// <exception cref="DatasetException">There is no such archive or split, or it cannot be used.</exception>
    public static Dataset Open(string dataDir, string split, DatasetOptions options)
    {
        if (File.Exists(dataDir))
            return Open(dataDir, [dataDir], split, IsOfSplit(dataDir, split), options);
        if (!Directory.Exists(dataDir))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no file and no folder {dataDir}", wrongOption: true);
        foreach (string candidate in SplitNames.Candidates(split).Where(static c => c.Length > 0))
        {
            string path = Path.Combine(dataDir, candidate);
            if (TarNames.Extensions.Select(e => path + e).FirstOrDefault(File.Exists) is { } archive)
                return Open(archive, [archive], split, isSplit: true, options);
            if (TarNames.In(path) is { Count: > 0 } ofSplit)
                return Open(path, ofSplit, split, isSplit: true, options);
        }
        List<string> archives = [.. TarNames.In(dataDir).Where(a => !SplitNames.IsSplit(TarNames.Stem(a)))];
        return archives.Count > 0 ? Open(dataDir, archives, split, isSplit: false, options)
            : throw new DatasetException($"{dataDir} holds no tar archive of '{split}': an archive is called "
                + $"{string.Join(" or ", SplitNames.Candidates(split).Where(static c => c.Length > 0).Select(static c => c + ".tar"))}, "
                + $"or lies in a folder of that name; `{nameof(split)}` names another", wrongOption: true);
    }

    /// <summary>Opens archives.</summary>
    /// <param name="name">What the set is called.</param>
    /// <param name="paths">The archives.</param>
    /// <param name="split">Name of the split.</param>
    /// <param name="isSplit">Whether they hold that split alone.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">There is no such split, or an archive cannot be used.</exception>
    public static Dataset Open(string name, IReadOnlyList<string> paths, string split, bool isSplit, DatasetOptions options)
    {
        options = options with { LabelsFile = LabelsSource.Of(options.LabelsFile, split).File };
        List<string> notes = [];
        (ContainerFiles files, TarIndex[] indices) = new TarIndexer().Open(paths, options, notes);
        try
        {
            List<TarImage> all = Collect(paths, indices);
            if (all.Count == 0 && indices.Any(static i => i.Others.ContainsKey(ParquetSet.Extension)))
                throw new DatasetException($"{name} holds Parquet files; open it as `dataset` {ParquetSet.Name}", wrongOption: true);
            var tree = new TarTree(name, options, notes);
            (IEnumerable<TarImage> images, ClassList classes) = tree.Label(tree.Select(all, split, isSplit));
            notes.AddRange(Notes(paths, indices));
            return new TarDataset(name, files, images, classes, notes);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>All images. Where there are several archives, one whose images are in no folder is itself a folder.</summary>
    static List<TarImage> Collect(IReadOnlyList<string> paths, TarIndex[] indices)
    {
        List<TarImage> images = [];
        for (int archive = 0; archive < indices.Length; archive++)
        {
            List<TarMember> members = indices[archive].Images;
            bool isFolder = paths.Count > 1 && members.TrueForAll(static m => !m.Name.Contains('/'));
            string folder = isFolder ? TarNames.Stem(paths[archive]) + "/" : "";
            foreach (TarMember member in members)
                images.Add(new TarImage(archive, folder.Length == 0 ? member : member with { Name = folder + member.Name }));
        }
        return images;
    }

    /// <summary>What a user should know of archives.</summary>
    static IEnumerable<string> Notes(IReadOnlyList<string> paths, TarIndex[] indices)
    {
        SortedDictionary<string, int> others = new(StringComparer.Ordinal);
        foreach ((string kind, int count) in indices.SelectMany(static i => i.Others))
            others[kind] = others.GetValueOrDefault(kind) + count;
        if (FolderScan.Describe(others) is { } skipped)
            yield return skipped;
        foreach (string note in TarFindings.Describe(paths, Array.ConvertAll(indices, static i => i.Findings)))
            yield return note;
    }

    static bool IsOfSplit(string path, string split) => SplitNames.Candidates(split).Contains(TarNames.Stem(path));
}
