namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>The column of a file of labels that says to which split an image belongs.</summary>
static class LabelsSplit
{
    const int MostValues = 100;

    /// <summary>Whether a file of labels has such a column.</summary>
    /// <exception cref="DatasetException">The file cannot be read.</exception>
    public static bool IsIn(string file)
    {
        SeparatedFile table = SeparatedFile.Open(file);
        int column = -1;
        bool header = true, found = false;
        table.ForEach(row =>
        {
            if (header)
            {
                for (int i = 0; i < row.Count && column < 0; i++)
                    column = LabelsColumns.IsSplitWord(row[i].ToString()) ? i : -1;
                header = false;
                return column >= 0;
            }
            found = column < row.Count && SplitNames.IsSplit(row[column].ToString());
            return false;
        });
        return found;
    }

    /// <summary>The value of the column that stands for a split; null where the column tells of none.</summary>
    /// <exception cref="DatasetException">It has other splits only.</exception>
    public static string? Wanted(SeparatedFile file, LabelsColumns columns, string split)
    {
        if (columns.Split < 0 || split.Length == 0)
            return null;
        var values = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        bool header = columns.HasHeader;
        file.ForEach(row =>
        {
            if (header)
                return !(header = false);
            if (columns.Split < row.Count)
                values.Add(row[columns.Split].ToString());
            return values.Count < MostValues;
        });
        if (SplitNames.Candidates(split).FirstOrDefault(values.Contains) is { } wanted)
            return wanted;
        return !values.Any(SplitNames.IsSplit) ? null
            : throw new DatasetException($"{file.Path} has no image of split '{split}': column '{columns.Names[columns.Split]}' has "
                + $"{string.Join(", ", values.Take(8).Select(v => $"'{v}'"))}. Name one of them with `split`", wrongOption: true);
    }
}
