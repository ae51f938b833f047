using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>Which columns of a file of labels hold what.</summary>
/// <param name="HasHeader">Whether the first row names the columns.</param>
/// <param name="Image">The column of the image's name.</param>
/// <param name="Labels">The column of the label; or, where each class has a column that is 1 for its images, those.</param>
/// <param name="Names">What the columns are called, where there is a header.</param>
/// <param name="Split">The column of the split; -1 where there is none.</param>
sealed record LabelsColumns(bool HasHeader, int Image, IReadOnlyList<int> Labels, IReadOnlyList<string> Names, int Split)
{
    const int SampleRows = 100;

    static readonly HashSet<string> ImageWords = new(StringComparer.OrdinalIgnoreCase)
    {
        "image", "imageid", "imagename", "imagepath", "imagefile", "filename", "file", "filepath", "path", "img", "imgid", "imgname",
        "imgpath", "fname", "id", "name", "picture", "photo",
    };

    static readonly HashSet<string> LabelWords = new(StringComparer.OrdinalIgnoreCase)
    {
        "label", "labels", "labelid", "labelname", "class", "classid", "classname", "classlabel", "category", "categoryid", "categoryname",
        "target", "y", "wnid", "synset", "finelabel", "coarselabel", "dx", "diagnosis", "breed", "species",
    };

    static readonly HashSet<string> SplitWords = new(StringComparer.OrdinalIgnoreCase) { "split", "subset", "partition", "set" };

    /// <summary>Whether a column of this name tells of splits.</summary>
    public static bool IsSplitWord(string name) => SplitWords.Contains(Word(name));

    /// <summary>How many columns a row must have.</summary>
    public int Least => Math.Max(Math.Max(Image, Split), Labels.Max()) + 1;

    /// <summary>Finds the columns: by the options, by the images that a column names, by the words of the header.</summary>
    /// <exception cref="DatasetException">It cannot be told which is which; the message lists the columns.</exception>
    public static LabelsColumns Find(SeparatedFile file, ImageNames images, DatasetOptions options)
    {
        List<string[]> sample = Sample(file);
        if (sample.Count == 0)
            throw new DatasetException($"{file.Path} labels no image; it needs lines of image,class");
        string[] first = sample[0];
        bool named = IsName(options.ImageColumn) || IsName(options.LabelColumn);
        int image = Column(options.ImageColumn, first, file.Path, nameof(options.ImageColumn)) ?? ImageColumn(sample, images);
        bool header = named || IsHeader(sample, image, images);
        string[] names = header ? first : [.. Enumerable.Range(1, first.Length).Select(n => n.ToString(CultureInfo.InvariantCulture))];
        int split = header ? Array.FindIndex(names, IsSplitWord) : -1;
        var columns = new LabelsColumns(header, image, [image], names, split);
        IReadOnlyList<int> labels = Column(options.LabelColumn, first, file.Path, nameof(options.LabelColumn)) is { } given
            ? [given]
            : columns.FindLabels(file, sample);
        return columns with { Labels = labels };
    }

    IReadOnlyList<int> FindLabels(SeparatedFile file, List<string[]> sample)
    {
        int[] others = [.. Enumerable.Range(0, Names.Count).Where(c => c != Image && c != Split && Names[c].Length > 0)];
        int[] known = HasHeader ? [.. others.Where(c => LabelWords.Contains(Word(Names[c])))] : [];
        int[] candidates = known.Length > 0 ? known : others;
        if (candidates.Length == 0)
            throw new DatasetException($"{file.Path}, line 1: '{string.Join(file.Separator, Names)}' is not image,class");
        if (candidates.Length == 1)
            return candidates;
        if (known.Length == 0 && HasHeader && IsOneOfEach(sample, candidates))
            return candidates;
        if (SameClasses(file, candidates))
        {
            bool isNumbered(int column) => sample.Skip(HasHeader ? 1 : 0).All(r => column < r.Length && IsNumber(r[column]));
            return [candidates.Where(c => !isNumbered(c)).FirstOrDefault(candidates[0])];
        }
        throw new DatasetException($"{file.Path}: columns {string.Join(", ", candidates.Take(8).Select(c => $"'{Names[c]}'"))}"
            + $"{(candidates.Length > 8 ? ", …" : "")} could each be the label; say which with `{nameof(DatasetOptions.LabelColumn)}` "
            + (HasHeader ? "NAME" : "NUMBER"), wrongOption: true);
    }

    /// <summary>Whether each row has a 1 in one of these columns and a 0 in the others.</summary>
    static bool IsOneOfEach(List<string[]> sample, int[] columns) => sample.Count > 1 && sample.Skip(1).All(row =>
        columns.All(c => c < row.Length && ClassFlag(row[c]) is not null) && columns.Count(c => ClassFlag(row[c]) == true) == 1);

    /// <summary>Whether a cell is 1 or 0; null where it is neither.</summary>
    public static bool? ClassFlag(ReadOnlySpan<char> cell) => cell switch
    {
        "1" or "1.0" => true,
        "0" or "0.0" => false,
        _ => null,
    };

    /// <summary>Whether these columns are names of the same classes, so that it does not matter which is taken.</summary>
    bool SameClasses(SeparatedFile file, int[] columns)
    {
        var partners = new Dictionary<(int Column, string Value), string>();
        bool same = true, header = HasHeader;
        file.ForEach(row =>
        {
            if (header)
                return !(header = false);
            if (row.Count <= columns[^1])
                return true;
            string first = row[columns[0]].ToString();
            foreach (int column in columns.AsSpan(1))
            {
                string other = row[column].ToString();
                same &= Partner((column, other), first) && Partner((-column, first), other);
            }
            return same;
        });
        return same;

        bool Partner((int, string) key, string value) => partners.TryAdd(key, value) ? partners.Count < 1 << 20 : partners[key] == value;
    }

    static List<string[]> Sample(SeparatedFile file)
    {
        var sample = new List<string[]>();
        file.ForEach(row =>
        {
            string[] cells = new string[row.Count];
            for (int i = 0; i < cells.Length; i++)
                cells[i] = row[i].ToString();
            sample.Add(cells);
            return sample.Count <= SampleRows;
        });
        return sample;
    }

    /// <summary>The column that names most images; where several do, that of a known word, else the first.</summary>
    static int ImageColumn(List<string[]> sample, ImageNames images)
    {
        string[] first = sample[0];
        int[] found = new int[first.Length];
        foreach (string[] row in sample.Count > 1 ? sample[1..] : sample)
        {
            for (int c = 0; c < Math.Min(row.Length, first.Length); c++)
                found[c] += images.Find(row[c]) != ImageNames.None ? 1 : 0;
        }
        return Enumerable.Range(0, first.Length).MaxBy(c => (found[c], ImageWords.Contains(Word(first[c])) ? 1 : 0, -c));
    }

    static bool IsHeader(List<string[]> sample, int image, ImageNames images)
    {
        string[] first = sample[0];
        if (images.Find(first[image]) != ImageNames.None)
            return false;
        if (first.Any(c => Word(c) is var word && (ImageWords.Contains(word) || LabelWords.Contains(word))))
            return true;
        // A row of data whose image is missing: it looks like an image, or has a label that other rows have too.
        return !Path.HasExtension(first[image]) && first.Length > 1
            && !first.Any(c => double.TryParse(c, CultureInfo.InvariantCulture, out _))
            && !Enumerable.Range(0, first.Length).Any(c => c != image && sample.Skip(1).Any(r => c < r.Length && r[c] == first[c]));
    }

    static bool IsName(string? column) => column is not null && !IsNumber(column);

    /// <summary>The column that an option names, by its name or by its number from 1.</summary>
    static int? Column(string? given, string[] first, string file, string option)
    {
        if (given is null)
            return null;
        int column = Array.IndexOf(first, given);
        if (column < 0)
            column = Array.FindIndex(first, c => c.Equals(given, StringComparison.OrdinalIgnoreCase));
        if (column < 0 && int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= first.Length)
            column = number - 1;
        return column >= 0 ? column
            : throw new DatasetException($"`{option}` {given}: {file} has no such column.{Suggestions.DidYouMean(given, first)} "
                + $"It has {string.Join(", ", first.Take(20).Select(c => $"'{c}'"))}{(first.Length > 20 ? ", …" : "")}", wrongOption: true);
    }

    static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    static string Word(string name) => name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal)
        .Replace(" ", "", StringComparison.Ordinal);
}
