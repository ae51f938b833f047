using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Labels of a folder of images from a CSV file: image (file name, with or without extension, or path below the
/// folder) and class (name or number), optionally under a header line.</summary>
sealed class LabelsFile
{
    // The largest sets of classes in use have some 22,000; more than that must at least be borne out by images.
    const int PlausibleClasses = 1 << 15, PlausibleClassesAnImage = 10;

    LabelsFile(ClassList classes, List<(string Path, int Label)> images, List<string> notes)
    {
        Classes = classes;
        Images = images;
        Notes = notes;
    }

    public ClassList Classes { get; }

    /// <summary>Images and labels in the order of the file.</summary>
    public List<(string Path, int Label)> Images { get; }

    public List<string> Notes { get; }

    /// <summary>Reads the file for the images <paramref name="paths"/> (relative to <paramref name="folder"/>).</summary>
    /// <exception cref="DatasetException">A line is wrong; the message names file and line.</exception>
    public static LabelsFile Read(string file, string folder, List<string> paths, ClassList? classes)
    {
        Dictionary<string, string> known = ByName(paths);
        var rows = new List<(string Path, string Class, int Line)>();
        string[] lines = TextFile.ReadLines(file, $"`{nameof(DatasetOptions.LabelsFile)}`");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
                continue;
            string[] fields = Fields(lines[i]);
            if (fields.Length < 2 || fields[1].Length == 0)
                throw new DatasetException($"{file}, line {i + 1}: '{lines[i]}' is not image,class");
            if (!known.TryGetValue(fields[0].Replace('\\', '/'), out string? path))
            {
                if (rows.Count == 0 && !IsNumber(fields[1], out _))
                    continue;
                throw new DatasetException($"{file}, line {i + 1}: no image '{fields[0]}' in {folder}; correct the line or remove it");
            }
            if (!seen.Add(path))
                throw new DatasetException($"{file}, line {i + 1}: image '{fields[0]}' is labelled twice");
            rows.Add((path, fields[1], i + 1));
        }
        if (rows.Count == 0)
            throw new DatasetException($"{file} labels no image; it needs lines of image,class");
        var notes = new List<string>();
        if (rows.Count < paths.Count)
            notes.Add($"{paths.Count - rows.Count} of {Quantity.Of(paths.Count, "image")} in {folder} without a line in {file}: left out");
        return Resolve(file, rows, classes, notes);
    }

    /// <summary>Whether the file names images with one of these folders before them.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static bool NamesFolders(string file, IReadOnlyCollection<string> folders)
    {
        var known = folders.ToHashSet(StringComparer.Ordinal);
        return TextFile.ReadLines(file, $"`{nameof(DatasetOptions.LabelsFile)}`")
            .Any(line => Fields(line)[0].Split('/', '\\') is { Length: > 1 } path && known.Contains(path[0]));
    }

    static string[] Fields(string line) => [.. line.Split(',').Select(f => f.Trim().Trim('"'))];

    static LabelsFile Resolve(string file, List<(string Path, string Class, int Line)> rows, ClassList? classes, List<string> notes)
    {
        bool numbers = rows.TrueForAll(r => IsNumber(r.Class, out _))
            && (classes is null || rows.TrueForAll(r => classes.IndexOf(r.Class) < 0));
        // A number that no class can have must not turn the others into names.
        if (!numbers && rows.TrueForAll(r => r.Class.All(char.IsAsciiDigit))
            && rows.Find(r => !IsNumber(r.Class, out _)) is { Line: > 0 } row)
            throw new DatasetException($"{file}, line {row.Line}: label {row.Class} is no class number; they count from 0");
        if (numbers)
        {
            List<(string Path, int Label)> numbered = rows.ConvertAll(r => (r.Path, int.Parse(r.Class, CultureInfo.InvariantCulture)));
            (int highest, int line) = numbered.Zip(rows, (n, r) => (n.Label, r.Line)).MaxBy(r => r.Label);
            if (classes?.Count > highest)
                return new LabelsFile(classes, numbered, notes);
            if (highest >= Math.Max(PlausibleClasses, (long)PlausibleClassesAnImage * rows.Count))
                throw new DatasetException($"{file}, line {line}: label {highest} would make {highest + 1L} classes of "
                    + $"{Quantity.Of(rows.Count, "labelled image")}; correct it, or list the classes with "
                    + $"`{nameof(DatasetOptions.ClassMapFile)}` FILE");
            classes = new ClassList(Enumerable.Range(0, highest + 1).Select(i => i.ToString(CultureInfo.InvariantCulture)));
            return new LabelsFile(classes, numbered, notes);
        }
        classes ??= new ClassList(rows.Select(r => r.Class).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        List<(string Path, int Label)> images = rows.ConvertAll(r => (r.Path, classes.IndexOf(r.Class)));
        int unknown = images.FindIndex(i => i.Label < 0);
        if (unknown >= 0)
            throw new DatasetException($"{file}, line {rows[unknown].Line}: class '{rows[unknown].Class}' is not among the "
                + $"{Quantity.Of(classes.Count, "class", "classes")} of the training set");
        return new LabelsFile(classes, images, notes);
    }

    static Dictionary<string, string> ByName(List<string> paths)
    {
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            known.TryAdd(path.Replace('\\', '/'), path);
            known.TryAdd(Path.GetFileName(path), path);
            known.TryAdd(Path.GetFileNameWithoutExtension(path), path);
        }
        return known;
    }

    static bool IsNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
