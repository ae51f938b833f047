using nietras.SeparatedValues;

namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>A row of a file of separated values. Cells are trimmed and without their quotes.</summary>
/// <param name="row">As it is read.</param>
/// <param name="line">Line of the file that it begins in, from 1.</param>
readonly ref struct SeparatedRow(SepReader.Row row, int line)
{
    readonly SepReader.Row row = row;

    public int Line => line;

    public int Count => row.ColCount;

    public ReadOnlySpan<char> this[int column] => row[column].Span.Trim();

    /// <summary>The row as it stands in the file, as far as a message shows it.</summary>
    public string Text => row.Span.Length > 100 ? string.Concat(row.Span[..100], "…") : row.Span.ToString();

    public bool IsBlank => row.Span.IsWhiteSpace();
}

/// <summary>A file of separated values (CSV, TSV and the like), read by Sep.</summary>
sealed class SeparatedFile
{
    /// <summary>Sep takes some 50 bytes for a column, so that a row may not have any number of them; a million fit a row that has one
    /// for each of the largest sets' classes.</summary>
    const int LongestLine = 1 << 20;

    const long LargestFile = 1L << 29;

    readonly string text;

    SeparatedFile(string path, string text) => (Path, this.text, Separator) = (path, text, FindSeparator(text));

    /// <summary>What is done with a row; false ends the reading.</summary>
    public delegate bool RowAction(SeparatedRow row);

    public string Path { get; }

    /// <summary>What separates the cells, as found in the first line: tab, semicolon, comma, bar, or a single space.</summary>
    public char Separator { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="DatasetException">It cannot be read, or is none of separated values.</exception>
    public static SeparatedFile Open(string path)
    {
        string text;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile })
                throw new DatasetException($"{path} has more than {LargestFile} bytes, which no file of labels has");
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DatasetException($"`{nameof(DatasetOptions.LabelsFile)}`: {e.Message}", wrongOption: true);
        }
        int number = 1;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.Length > LongestLine)
                throw new DatasetException($"{path}, line {number}: it has more than {LongestLine} characters; this is no file of labels");
            number++;
        }
        return new SeparatedFile(path, text);
    }

    /// <summary>Goes through the rows, without blank ones.</summary>
    /// <exception cref="DatasetException">A row cannot be read.</exception>
    public void ForEach(RowAction action)
    {
        if (text.Length == 0)
            return;
        int line = 1;
        try
        {
            using SepReader reader = Sep.New(Separator).Reader(static o => o with
            {
                HasHeader = false,
                Unescape = true,
                DisableColCountCheck = true,
                Trim = SepTrim.Outer,
            }).FromText(text);
            bool first = true;
            foreach (SepReader.Row row in reader)
            {
                // Sep counts the first row as if a header were before it.
                line = first ? 1 : row.LineNumberFrom;
                first = false;
                var separated = new SeparatedRow(row, line);
                if (!separated.IsBlank && !action(separated))
                    return;
            }
        }
        catch (Exception e) when (e is not (DatasetException or OutOfMemoryException))
        {
            throw new DatasetException($"{Path}, line {line} or the next: it cannot be read as separated values, are its quotes closed? "
                + $"({e.Message})");
        }
    }

    /// <summary>A space separates only where it is the only one of its line: names may hold spaces.</summary>
    static char FindSeparator(string text)
    {
        ReadOnlySpan<char> line = [];
        foreach (ReadOnlySpan<char> candidate in text.AsSpan().EnumerateLines())
        {
            line = candidate.Trim(' ');
            if (!line.IsWhiteSpace())
                break;
        }
        Span<int> counts = stackalloc int[128];
        bool quoted = false;
        foreach (char c in line)
        {
            quoted ^= c == '"';
            if (!quoted && c < counts.Length)
                counts[c]++;
        }
        foreach (char separator in "\t;,|")
        {
            if (counts[separator] > 0)
                return separator;
        }
        return counts[' '] == 1 ? ' ' : ',';
    }
}
