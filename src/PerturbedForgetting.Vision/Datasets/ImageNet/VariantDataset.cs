using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>A set of other images for the classes of ImageNet, as its archive has it: a folder for each class, called by the class's
/// WordNet number or by its place among the 1000.</summary>
sealed class VariantDataset : RelabelledDataset
{
    /// <summary>The only part that these sets have.</summary>
    const string Split = "test";

    readonly int[] labelOf;

    VariantDataset(Dataset folders, ImageNetVariant variant, ClassList classes, int[] labelOf, IReadOnlyList<int>? among,
        DatasetOptions options)
        : base(folders, $"{variant.Name}/{Split}", classes)
    {
        this.labelOf = labelOf;
        Scores = variant.Scores(among, classes.Count);
        NoteDifference(options.Classes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetScore> Scores { get; }

    /// <summary>Opens a set.</summary>
    /// <param name="dataset">Its name, or the first part of the names of several.</param>
    /// <param name="dataDir">The archive, its folder, or what one of them lies in.</param>
    /// <param name="split">Test or validation.</param>
    /// <param name="options">Classes of the model, by which the images are numbered if it knows these classes.</param>
    /// <exception cref="DatasetException">There is no such set, or a folder that is no class of ImageNet.</exception>
    public static Dataset Open(string dataset, string dataDir, string split, DatasetOptions options)
    {
        if (split.Length > 0 && SplitNames.IsTraining(split, dataset))
            throw new DatasetException($"{dataset} has nothing to train on; `{nameof(split)}` is {Split}", wrongOption: true);
        (ImageNetVariant variant, string path) = Find(dataset, dataDir);
        Dataset folders = ImageArchive.OpenFolders(path, options with
        {
            Classes = null,
            ClassMapFile = null,
            LabelsFile = null,
            ClassOrder = ClassOrder.Natural,
        });
        try
        {
            ClassList classes = options.Classes is { } model && ImageNetClasses.All.Names.Any(n => model.IndexOf(n) >= 0)
                ? model : ImageNetClasses.All;
            int[] numbers = [.. folders.Classes.Names.Select(name => Number(name, path))];
            int[] labels = [.. numbers.Select(n => LabelOf(n, classes, path))];
            int[]? among = variant.Classes?.Select(c => classes.IndexOf(ImageNetClasses.All.Names[c])).Where(static l => l >= 0).ToArray();
            return new VariantDataset(folders, variant, classes, labels, among, options);
        }
        catch
        {
            folders.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Label(int index) => labelOf[Inner.Label(index)];

    /// <summary>The set and where it lies: a variant that was named, or the first that is there.</summary>
    static (ImageNetVariant Variant, string Path) Find(string dataset, string dataDir)
    {
        ImageNetVariant[] wanted =
            [.. ImageNetVariant.All.Where(v => v.Name == dataset || v.Name.StartsWith(dataset + "/", StringComparison.Ordinal))];
        string given = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataDir)));
        // The name tells which of several it is.
        ImageNetVariant named = Array.Find(wanted, v => Is(given, v)) ?? wanted[0];
        if (File.Exists(dataDir))
            return (named, dataDir);
        if (!Directory.Exists(dataDir))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no file and no folder {dataDir}", wrongOption: true);
        foreach (ImageNetVariant variant in wanted)
        {
            string[] places = [variant.Folder, variant.Archive, .. ImageArchive.Extensions.Select(e => variant.Folder + e)];
            if (places.Select(p => Path.Combine(dataDir, p)).FirstOrDefault(Path.Exists) is { } found)
                return (variant, found);
        }
        List<string> folders = FolderScan.SubFolders(dataDir);
        return folders.Exists(IsClass) ? (named, dataDir)
            : throw new DatasetException($"{dataset}: {dataDir} holds neither {string.Join(" nor ", wanted.Select(v => v.Folder))} nor "
                + $"{string.Join(" nor ", wanted.Select(v => v.Archive))}, and has no folders of classes; `{nameof(dataDir)}` is the "
                + "folder that holds one of them, or the archive itself", wrongOption: true);
    }

    /// <summary>Names of the sets, and of those that several share.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. ImageNetVariant.All.SelectMany(static v => new[] { v.Name.Split('/')[0], v.Name }).Distinct(StringComparer.Ordinal)];

    static bool Is(string file, ImageNetVariant variant) => file == variant.Folder || file == variant.Archive
        || ImageArchive.Extensions.Any(e => file == variant.Folder + e);

    static bool IsClass(string folder) => ImageNetClasses.All.IndexOf(folder) >= 0 || IsPlace(folder, out _);

    /// <summary>Whether a folder is called by its class's place among the 1000.</summary>
    static bool IsPlace(string folder, out int place) =>
        int.TryParse(folder, NumberStyles.None, CultureInfo.InvariantCulture, out place)
        && place < ImageNetClasses.Count;

    static int Number(string folder, string path)
    {
        int number = ImageNetClasses.All.IndexOf(folder);
        return number >= 0 || IsPlace(folder, out number) ? number
            : throw new DatasetException($"{path}: folder '{folder}' is no class of ImageNet; such folders are called by WordNet numbers "
                + "(n01440764) or by places among the 1000 classes (0)");
    }

    static int LabelOf(int number, ClassList classes, string path)
    {
        string name = ImageNetClasses.All.Names[number];
        int label = classes.IndexOf(name);
        return label >= 0 ? label : throw new DatasetException($"{path} has images of {name}, which is no class of the model");
    }
}
