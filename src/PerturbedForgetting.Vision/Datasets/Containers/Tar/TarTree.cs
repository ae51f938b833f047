using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Labels;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Finds split and classes in the folders of archived images.</summary>
/// <param name="where">The archive, for messages.</param>
/// <param name="options">Order of the classes, labels, classes of the training set.</param>
/// <param name="notes">Receives what a user should know.</param>
sealed class TarTree(string where, DatasetOptions options, List<string> notes)
{
    /// <summary>The images of a split: those in the folder of that name or a synonym of it, where the archive has such folders.</summary>
    /// <param name="images">All images.</param>
    /// <param name="split">Name of the split; empty for all images.</param>
    /// <param name="isSplit">Whether the archive is known to hold that split alone.</param>
    /// <exception cref="DatasetException">There is no such split.</exception>
    public List<TarImage> Select(List<TarImage> images, string split, bool isSplit)
    {
        List<string> folders = [];
        while (images.Count > 0)
        {
            folders = TopFolders(images);
            if (split.Length > 0 && folders.Exists(SplitNames.IsSplit))
                break;
            // A single folder around all others says nothing: archives are made so.
            bool isRoot = folders.Count == 1
                && images.TrueForAll(i => i.Member.Name.AsSpan(i.Start).Count('/') > 1);
            if (!isRoot)
            {
                return split.Length == 0 || isSplit || SplitNames.Candidates(split).Contains("train") ? images
                    : throw NoSplit(split, folders);
            }
            images = Below(images, folders[0]);
        }
        foreach (string candidate in SplitNames.Candidates(split).Where(folders.Contains))
        {
            if (candidate != split)
                notes.Add($"{where} has no folder '{split}'; '{candidate}' is used instead");
            return Below(images, candidate);
        }
        return images.Count == 0 ? images : throw NoSplit(split, folders);
    }

    /// <summary>Gives images the labels that their folders or a file of labels tell, in the order that they have in a folder.</summary>
    /// <exception cref="DatasetException">There is no image, or no match between folders and classes.</exception>
    public (IEnumerable<TarImage> Images, ClassList Classes) Label(List<TarImage> images)
    {
        if (images.Count == 0)
            throw new DatasetException($"{where} holds no image");
        images = WithoutReplaced(images);
        List<string> folders = TopFolders(images);
        bool isFlat = images.Exists(static i => !i.Name.Contains('/'));
        if (options.LabelsFile is { } file)
        {
            if (isFlat || LabelsFile.NamesFolders(file, folders))
                return LabelByFile(images, file);
            notes.Add($"{where} holds class folders, whose names are the labels: {file} is for images without such folders and is not used "
                + "here");
        }
        if (isFlat)
        {
            TarImage first = images.Find(static i => !i.Name.Contains('/'));
            throw new DatasetException($"{where}: '{first.Member.Name}' is in no folder; images of a class lie in a folder of the class's "
                + $"name (or give `{nameof(DatasetOptions.LabelsFile)}` FILE)");
        }
        ClassList classes = ClassFolders.Resolve(where, folders, options, notes);
        var order = folders.Select((name, number) => (name, number)).ToDictionary(f => f.name, f => f.number, StringComparer.Ordinal);
        return (images.OrderBy(i => order[TopFolder(i)]).ThenBy(static i => i.Name, StringComparer.Ordinal)
            .Select(i => i with { Label = classes.IndexOf(TopFolder(i)) }), classes);
    }

    (IEnumerable<TarImage> Images, ClassList Classes) LabelByFile(List<TarImage> images, string file)
    {
        ClassList? classes = options.ClassMapFile is { } map ? ClassMap.Read(map) : options.Classes;
        var byName = images.ToDictionary(static i => i.Name, StringComparer.Ordinal);
        LabelsFile labels = LabelsFile.Read(file, where, [.. byName.Keys.Order(StringComparer.Ordinal)], classes, options);
        notes.AddRange(labels.Notes);
        return (labels.Images.Select(l => byName[l.Path] with { Label = l.Label }), labels.Classes);
    }

    /// <summary>Leaves out files in whose place another of the same name was added to their archive later.</summary>
    List<TarImage> WithoutReplaced(List<TarImage> images)
    {
        var last = new Dictionary<(int, string), int>();
        for (int i = 0; i < images.Count; i++)
            last[(images[i].Archive, images[i].Name)] = i;
        int replaced = images.Count - last.Count;
        if (replaced > 0)
            notes.Add($"{Quantity.Of(replaced, "file")} in {where} {(replaced == 1 ? "has" : "have")} the name of one that was added "
                + "later, which counts");
        return replaced == 0 ? images : [.. images.Where((image, i) => last[(image.Archive, image.Name)] == i)];
    }

    DatasetException NoSplit(string split, List<string> folders) => new(
        $"{where} has none of the folders {string.Join(", ", SplitNames.Candidates(split))}; it has {ClassFolders.Abbreviate(folders)}. "
            + $"Name the folder with `{nameof(split)}`; \"\" takes all images",
        wrongOption: true);

    /// <summary>Names of the outermost folders, in ordinal order.</summary>
    static List<string> TopFolders(List<TarImage> images) =>
        [.. images.Where(static i => i.Member.Name.AsSpan(i.Start).Contains('/')).Select(TopFolder).Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)];

    static string TopFolder(TarImage image) => image.Member.Name[image.Start..image.Member.Name.IndexOf('/', image.Start)];

    static List<TarImage> Below(List<TarImage> images, string folder)
    {
        string start = folder + "/";
        return [.. images.Where(i => i.Member.Name.AsSpan(i.Start).StartsWith(start, StringComparison.Ordinal))
            .Select(i => i with { Start = i.Start + start.Length })];
    }
}
