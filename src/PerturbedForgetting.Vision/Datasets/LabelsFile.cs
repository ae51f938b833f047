using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Labels of a folder of images from a CSV file: image (file name, with or without extension, or path below the
/// folder) and class (name or number), optionally under a header line.</summary>
sealed class LabelsFile
{
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
            string[] fields = [.. lines[i].Split(',').Select(f => f.Trim().Trim('"'))];
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
            notes.Add($"{paths.Count - rows.Count} of {paths.Count} images in {folder} have no line in {file} and are left out");
        return Resolve(file, rows, classes, notes);
    }

    static LabelsFile Resolve(string file, List<(string Path, string Class, int Line)> rows, ClassList? classes, List<string> notes)
    {
        bool numbers = rows.TrueForAll(r => IsNumber(r.Class, out _))
            && (classes is null || rows.TrueForAll(r => classes.IndexOf(r.Class) < 0));
        if (numbers)
        {
            List<(string Path, int Label)> numbered = rows.ConvertAll(r => (r.Path, int.Parse(r.Class, CultureInfo.InvariantCulture)));
            int highest = numbered.Max(r => r.Label);
            if (highest > 1 << 24)
                throw new DatasetException($"{file}: label {highest} is no class number");
            classes = classes?.Count > highest ? classes
                : new ClassList(Enumerable.Range(0, highest + 1).Select(i => i.ToString(CultureInfo.InvariantCulture)));
            return new LabelsFile(classes, numbered, notes);
        }
        classes ??= new ClassList(rows.Select(r => r.Class).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        List<(string Path, int Label)> images = rows.ConvertAll(r => (r.Path, classes.IndexOf(r.Class)));
        int unknown = images.FindIndex(i => i.Label < 0);
        if (unknown >= 0)
            throw new DatasetException($"{file}, line {rows[unknown].Line}: class '{rows[unknown].Class}' is not among the {classes.Count} "
                + "classes of the training set");
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
