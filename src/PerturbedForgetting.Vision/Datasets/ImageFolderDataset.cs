using System.Collections.Concurrent;
using PerturbedForgetting.Vision.Datasets.Labels;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Images in folders: each sub-folder is a class, and holds its images at any depth. Or, with a file of labels,
/// images in one folder.</summary>
public sealed class ImageFolderDataset : Dataset
{
    readonly string folder;
    readonly string[] paths;
    readonly int[] labels;
    readonly ConcurrentDictionary<string, string> realFolders = new(StringComparer.Ordinal);

    ImageFolderDataset(string folder, ClassList classes, List<string> paths, List<int> labels, IEnumerable<string> notes)
    {
        this.folder = folder;
        this.paths = [.. paths];
        this.labels = [.. labels];
        Classes = classes;
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name => folder;

    /// <inheritdoc/>
    public override int Count => paths.Length;

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <summary>Opens a split of the set in <paramref name="dataDir"/>: the sub-folder of that name or a synonym of it
    /// (train, training; validation, val, valid, eval, test). A root with none of these is itself the training set.</summary>
    /// <exception cref="DatasetException">There is no such folder, no image, or no match between folders and classes.</exception>
    public static ImageFolderDataset OpenSplit(string dataDir, string split, DatasetOptions options)
    {
        if (!Directory.Exists(dataDir))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no folder {dataDir}", wrongOption: true);
        List<string> folders = FolderScan.SubFolders(dataDir);
        var labels = LabelsSource.Of(options.LabelsFile, split);
        options = options with { LabelsFile = labels.File };
        foreach (string candidate in SplitNames.Candidates(split))
        {
            string path = Path.Combine(dataDir, candidate);
            if (candidate.Length == 0 || !Directory.Exists(path))
                continue;
            string? note = candidate == split ? null : $"{dataDir} has no folder '{split}'; '{candidate}' is used instead";
            return Open(path, options, note, labels.IsOfSplit, split);
        }
        if (labels.IsOfSplit)
            return Open(dataDir, options, note: null, labelsApply: true, split);
        bool isTraining = SplitNames.Candidates(split).Contains("train");
        if (split.Length == 0 || (isTraining && !folders.Exists(SplitNames.IsSplit)))
        {
            return Open(dataDir, options,
                split.Length == 0 ? null : $"{dataDir} has no folder '{split}'; its own sub-folders are taken as the classes");
        }
        string present = folders.Count == 0 ? "it has no sub-folders" : "it has " + ClassFolders.Abbreviate(folders);
        throw new DatasetException(
            $"{dataDir} has none of the folders {string.Join(", ", SplitNames.Candidates(split))}; {present}. "
                + $"Name the folder with `{nameof(split)}`",
            wrongOption: true);
    }

    /// <summary>Opens the folder whose sub-folders are the classes.</summary>
    /// <exception cref="DatasetException">There is no image, or no match between folders and classes.</exception>
    public static ImageFolderDataset Open(string folder, DatasetOptions? options = null) =>
        Open(folder, options ?? new DatasetOptions(), note: null);

    /// <summary>A set of files in a folder whose labels are known.</summary>
    internal static ImageFolderDataset Create(
        string folder, ClassList classes, List<string> paths, List<int> labels, IEnumerable<string> notes) =>
        paths.Count > 0 ? new(folder, classes, paths, labels, notes) : throw new DatasetException($"{folder} holds no image");

    /// <inheritdoc/>
    public override int Label(int index) => labels[index];

    /// <inheritdoc/>
    public override string Describe(int index) => Path.Combine(folder, paths[index]);

    /// <inheritdoc/>
    internal override string Identity(int index)
    {
        string path = Describe(index), above = Path.GetDirectoryName(path)!;
        return Path.Combine(realFolders.GetOrAdd(above, RealPath.Of), Path.GetFileName(path));
    }

    /// <inheritdoc/>
    public override string ImageName(int index) =>
        NameBelowClass(index, paths[index].Replace(Path.DirectorySeparatorChar, '/'));

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => decoder.Open(FileOf(index));

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => decoder.Read(FileOf(index));

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) => decoder.Decode(region, image);

    string FileOf(int index)
    {
        string path = Describe(index);
        return FolderScan.IsUndecodable(path)
            ? throw new ImageDecodeException(ImageProblem.Unreadable, "the name of the file is not UTF-8; rename it", path)
            : path;
    }

    static ImageFolderDataset Open(string folder, DatasetOptions options, string? note, bool labelsApply = false, string split = "")
    {
        List<string> notes = note is null ? [] : [note];
        try
        {
            if (options.LabelsFile is not { } labels)
                return OpenClasses(folder, options, notes);
            if (labelsApply || LabelsApply(folder, labels))
                return OpenLabelled(folder, labels, options, notes, split);
            notes.Add($"{folder} holds class folders, whose names are the labels: {labels} is for folders of images and is not used here");
            return OpenClasses(folder, options, notes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{folder} cannot be read: {e.Message}");
        }
    }

    /// <summary>Whether a file of labels is meant for this folder: one that has images of its own or no folders, or whose images the file
    /// names with the folders they lie in.</summary>
    static bool LabelsApply(string folder, string labelsFile) =>
        FolderScan.HoldsImages(folder) || FolderScan.SubFolders(folder) is not { Count: > 0 } folders
        || LabelsFile.NamesFolders(labelsFile, folders);

    static ImageFolderDataset OpenLabelled(string folder, string labelsFile, DatasetOptions options, List<string> notes, string split)
    {
        FolderScan scan = new();
        List<string> images = scan.Images(folder, "");
        if (images.Count == 0)
            throw new DatasetException($"{folder} holds no image");
        ClassList? classes = options.ClassMapFile is { } map ? ClassMap.Read(map) : options.Classes;
        LabelsFile file = LabelsFile.Read(labelsFile, folder, images, classes, options, split);
        return new ImageFolderDataset(folder, file.Classes, [.. file.Images.Select(i => i.Path)], [.. file.Images.Select(i => i.Label)],
            [.. notes, .. file.Notes, .. scan.Notes]);
    }

    static ImageFolderDataset OpenClasses(string folder, DatasetOptions options, List<string> notes)
    {
        List<string> folders = FolderScan.SubFolders(folder);
        if (folders.Count == 0)
        {
            throw new DatasetException($"{folder} has no sub-folders; "
                + $"images of a class lie in a sub-folder of the class's name (or give `{nameof(DatasetOptions.LabelsFile)}` FILE)");
        }
        FolderScan.RequireDecodable(folder, folders);
        FolderScan scan = new(folders.Select(name => Path.Combine(folder, name)));
        ClassList classes = ClassFolders.Resolve(folder, folders, options, notes);
        var paths = new List<string>();
        var labels = new List<int>();
        foreach (string name in folders)
        {
            List<string> images = scan.Images(folder, name);
            if (images.Count == 0)
                notes.Add($"class '{name}' has no images in {folder}");
            paths.AddRange(images);
            labels.AddRange(Enumerable.Repeat(classes.IndexOf(name), images.Count));
        }
        notes.AddRange(scan.Notes);
        if (paths.Count == 0)
            throw new DatasetException($"{folder} holds no image" + (scan.SkippedNote is { } why ? $" ({why})" : ""));
        return new ImageFolderDataset(folder, classes, paths, labels, notes);
    }
}
