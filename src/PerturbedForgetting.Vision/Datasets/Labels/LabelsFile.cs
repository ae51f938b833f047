using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>Labels of a folder of images from a file of separated values: image (file name, with or without extension, or path below the
/// folder) and class (name or number), optionally under a header, among any other columns.</summary>
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
    /// <param name="file">The file.</param>
    /// <param name="folder">The folder of the images.</param>
    /// <param name="paths">The images.</param>
    /// <param name="classes">The classes that labels must follow; null makes them of the labels.</param>
    /// <param name="options">Which columns count.</param>
    /// <param name="split">The split that is wanted, of a file with a column of splits.</param>
    /// <exception cref="DatasetException">A line is wrong; the message names file and line.</exception>
    public static LabelsFile Read(string file, string folder, List<string> paths, ClassList? classes, DatasetOptions? options = null,
        string split = "")
    {
        SeparatedFile table = SeparatedFile.Open(file);
        var images = new ImageNames(folder, paths);
        LabelsColumns columns = LabelsColumns.Find(table, images, options ?? new DatasetOptions());
        string? wanted = LabelsSplit.Wanted(table, columns, split);
        var rows = new List<(string Path, string Class, int Line)>();
        var lineOf = new Dictionary<int, int>();
        var pool = new Dictionary<string, string>(StringComparer.Ordinal);
        bool isHeader = columns.HasHeader;
        table.ForEach(row =>
        {
            if (isHeader)
                return !(isHeader = false);
            if (row.Count < columns.Least)
                throw new DatasetException($"{file}, line {row.Line}: '{row.Text}' is not image,class");
            if (wanted is not null && !row[columns.Split].Equals(wanted, StringComparison.OrdinalIgnoreCase))
                return true;
            int image = Find(row, images, columns, file, folder);
            if (!lineOf.TryAdd(image, row.Line))
                throw new DatasetException(
                    $"{file}, line {row.Line}: image '{row[columns.Image]}' is labelled twice, the first time in line "
                    + $"{lineOf[image]}");
            rows.Add((paths[image], Pooled(Class(row, columns, file), pool), row.Line));
            return true;
        });
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
        var known = folders.ToHashSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        bool names = false;
        SeparatedFile.Open(file).ForEach(row =>
        {
            for (int i = 0; i < row.Count && !names; i++)
                names = row[i].IndexOfAny('/', '\\') is > 0 and var end && known.Contains(row[i][..end]);
            return !names;
        });
        return names;
    }

    static int Find(SeparatedRow row, ImageNames images, LabelsColumns columns, string file, string folder)
    {
        ReadOnlySpan<char> name = row[columns.Image];
        return images.Find(name) switch
        {
            ImageNames.None =>
                throw new DatasetException($"{file}, line {row.Line}: no image '{name}' in {folder}; correct the line or remove "
                + $"it, or give each split a file of its own: `{nameof(DatasetOptions.LabelsFile)}` train=FILE,val=FILE"),
            ImageNames.Several => throw new DatasetException($"{file}, line {row.Line}: '{name}' is the name of more than one image in "
                + $"{folder} ({images.Sharing(name.ToString())}); write the folder, and the extension, before and behind it"),
            var image => image,
        };
    }

    static ReadOnlySpan<char> Class(SeparatedRow row, LabelsColumns columns, string file)
    {
        if (columns.Labels is [var label])
        {
            ReadOnlySpan<char> text = row[label];
            return text.IsEmpty ? throw new DatasetException($"{file}, line {row.Line}: '{row.Text}' is not image,class: it has no class")
                : text.ContainsAny('\n', '\r')
                    ? throw new DatasetException($"{file}, line {row.Line}: the class goes over several lines; is a quote not closed?")
                : text;
        }
        int found = -1;
        foreach (int column in columns.Labels)
        {
            bool flag = LabelsColumns.ClassFlag(row[column])
                ?? throw new DatasetException(
                    $"{file}, line {row.Line}: column '{columns.Names[column]}' is '{row[column]}', neither 0 nor 1");
            if (flag && found >= 0)
                throw new DatasetException($"{file}, line {row.Line}: the image is of both '{columns.Names[found]}' and "
                    + $"'{columns.Names[column]}'; it needs one class");
            found = flag ? column : found;
        }
        return found >= 0 ? columns.Names[found]
            : throw new DatasetException($"{file}, line {row.Line}: the image is of no class: none of its columns is 1");
    }

    /// <summary>One text for all images of a class.</summary>
    static string Pooled(ReadOnlySpan<char> text, Dictionary<string, string> pool)
    {
        if (!pool.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out string? pooled))
            pool.Add(pooled = text.ToString(), pooled);
        return pooled;
    }

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

    static bool IsNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
