using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>The classes of ImageNet's validation images, whose files do not tell them: from the devkit, from Kaggle's solution, or from a
/// list.</summary>
/// <param name="source">The file that told them.</param>
/// <param name="classes">The classes that there are, in the order of their numbers.</param>
/// <param name="byImage">The class of each image, by its file name without extension.</param>
sealed class ValidationLabels(string source, IReadOnlyList<string> classes, Dictionary<string, string> byImage)
{
    /// <summary>The devkit, as it is downloaded and unpacked.</summary>
    public const string Devkit = "ILSVRC2012_devkit_t12";

    /// <summary>Kaggle's table of image and boxes.</summary>
    public const string Solution = "LOC_val_solution.csv";

    /// <summary>A wnid a line, in the order of the images.</summary>
    public const string List = "imagenet_2012_validation_synset_labels.txt";

    const string Truth = "ILSVRC2012_validation_ground_truth.txt", Meta = "meta.mat", ImagePrefix = "ILSVRC2012_val_";

    /// <summary>Longest file that is read.</summary>
    const int Longest = 1 << 26;

    /// <summary>The classes.</summary>
    public IReadOnlyList<string> Classes => classes;

    /// <summary>The class of an image.</summary>
    /// <exception cref="DatasetException">There is none.</exception>
    public string Of(string path) => byImage.TryGetValue(Path.GetFileNameWithoutExtension(path), out string? wnid) ? wnid
        : throw new DatasetException($"{source} tells no class of '{path}'; it belongs to other images");

    /// <summary>Reads the labels that lie in one of several folders.</summary>
    /// <exception cref="DatasetException">There are none, or they are damaged.</exception>
    public static ValidationLabels Find(IReadOnlyList<string> folders)
    {
        foreach (string folder in folders)
        {
            if (Existing(folder, Solution) is { } solution)
                return ReadSolution(solution);
            if (Existing(folder, List) is { } list)
                return ReadList(list);
            if (TarNames.Extensions.Select(e => Existing(folder, Devkit + e)).FirstOrDefault(static f => f is not null) is { } archive)
                return ReadArchive(archive);
            foreach (string below in new[] { "", "data", Devkit, Path.Combine(Devkit, "data") })
            {
                if (Existing(folder, Path.Combine(below, Truth)) is { } truth && Existing(folder, Path.Combine(below, Meta)) is { } meta)
                    return ReadDevkit(truth, BinaryFile.Read(truth), meta, BinaryFile.Read(meta));
            }
        }
        throw new DatasetException($"nothing tells the classes of ImageNet's validation images: put {Devkit}.tar.gz, {Solution} or {List} "
            + $"into {folders[0]}", wrongOption: true);
    }

    static string? Existing(string folder, string name) => Path.Combine(folder, name) is var path && File.Exists(path) ? path : null;

    static ValidationLabels ReadArchive(string path)
    {
        ReadOnlyMemory<byte> archive = BinaryFile.Read(path);
        var scanner = new TarScanner(new FileWindow(archive), path, 0, archive.Length);
        byte[]? truth = null, meta = null;
        while (scanner.Next(out TarMember member))
        {
            string name = Path.GetFileName(member.Name);
            if (member.Length > Longest || member.IsSparse || name is not (Truth or Meta))
                continue;
            byte[] file = archive.Slice((int)member.Offset, (int)member.Length).ToArray();
            (truth, meta) = name == Truth ? (file, meta) : (truth, file);
        }
        return truth is not null && meta is not null ? ReadDevkit($"{path}: {Truth}", truth, $"{path}: {Meta}", meta)
            : throw new DatasetException($"{path} has no {(truth is null ? Truth : Meta)}; download it again");
    }

    /// <summary>Numbers of classes in the order of the images. They count the devkit's list of classes, which is not in the order of the
    /// wnids.</summary>
    static ValidationLabels ReadDevkit(string truthName, byte[] truth, string metaName, byte[] meta)
    {
        Dictionary<int, string> wnids = ReadClasses(metaName, meta);
        const StringSplitOptions lean = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        string[] lines = Encoding.ASCII.GetString(truth).Split('\n', lean);
        Dictionary<string, string> byImage = new(StringComparer.Ordinal);
        for (int i = 0; i < lines.Length; i++)
        {
            byImage[ImageOf(i)] = int.TryParse(lines[i], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                && wnids.TryGetValue(id, out string? wnid) ? wnid
                : throw new DatasetException($"{truthName}, line {i + 1}: '{lines[i]}' is no number of a class in {metaName}");
        }
        return new ValidationLabels(truthName, [.. wnids.Values.Order(StringComparer.Ordinal)], byImage);
    }

    /// <summary>The wnid of each class that has no classes below it: the list has all of their ancestors too.</summary>
    static Dictionary<int, string> ReadClasses(string name, byte[] meta)
    {
        MatValue synsets = MatFile.Read(meta, name, "synsets");
        if (!synsets.Fields.TryGetValue("ILSVRC2012_ID", out MatValue[]? ids) || !synsets.Fields.TryGetValue("WNID", out MatValue[]? names))
            throw new DatasetException($"{name}: its synsets have no ILSVRC2012_ID and WNID; it is another file");
        MatValue[]? children = synsets.Fields.GetValueOrDefault("num_children");
        Dictionary<int, string> wnids = [];
        for (int i = 0; i < ids.Length; i++)
        {
            if (children is not null && children[i].Number > 0)
                continue;
            if (ids[i].Number is not (>= 1 and <= 1 << 20) || names[i].Text.Length == 0 || !wnids.TryAdd((int)ids[i].Number, names[i].Text))
                throw new DatasetException($"{name}: synset {i} has no number and name of its own; download it again");
        }
        return wnids;
    }

    static ValidationLabels ReadList(string path)
    {
        string[] wnids = [.. TextFile.ReadLines(path, path).Select(static l => l.Trim()).Where(static l => l.Length > 0)];
        return new ValidationLabels(path, [.. wnids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)],
            wnids.Select(static (wnid, i) => KeyValuePair.Create(ImageOf(i), wnid)).ToDictionary(StringComparer.Ordinal));
    }

    /// <summary>Lines of image and, for each object in it, the class with four numbers of its box; all objects have one class.</summary>
    static ValidationLabels ReadSolution(string path)
    {
        Dictionary<string, string> byImage = new(StringComparer.Ordinal);
        string[] lines = TextFile.ReadLines(path, path);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || (i == 0 && lines[i].StartsWith("ImageId", StringComparison.Ordinal)))
                continue;
            string[] fields = lines[i].Split(',');
            string[] words = fields.Length == 2 ? fields[1].Trim('"').Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
            string[] classes = [.. words.Where(static (_, at) => at % 5 == 0).Distinct(StringComparer.Ordinal)];
            if (words.Length == 0 || words.Length % 5 != 0 || classes.Length != 1)
                throw new DatasetException(
                    $"{path}, line {i + 1}: '{lines[i]}' is not an image and a class with boxes (n01… 111 108 389 366)");
            if (!byImage.TryAdd(fields[0].Trim('"'), classes[0]))
                throw new DatasetException($"{path}, line {i + 1}: image '{fields[0]}' is there twice");
        }
        if (byImage.Count == 0)
            throw new DatasetException($"{path} tells the class of no image; {Quantity.Of(lines.Length, "line")}");
        return new ValidationLabels(path, [.. byImage.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], byImage);
    }

    static string ImageOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{ImagePrefix}{number + 1:D8}");
}
