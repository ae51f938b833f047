namespace PerturbedForgetting.Vision.Datasets.Labels;

/// <summary>Which file holds the labels of a split.</summary>
/// <param name="File">Its path; null where the split has none.</param>
/// <param name="IsOfSplit">Whether it belongs to this split alone, so that the images may lie anywhere in the data folder.</param>
readonly record struct LabelsSource(string? File, bool IsOfSplit)
{
    const string Placeholder = "{split}";

    /// <summary>Finds the file: one for all splits, <c>train=a.csv,val=b.csv</c>, or a path with <c>{split}</c> in it.</summary>
    /// <exception cref="DatasetException">There is none for a split, where each should have one.</exception>
    public static LabelsSource Of(string? labels, string split)
    {
        if (labels is null || System.IO.File.Exists(labels))
            return new(labels, labels is not null && LabelsSplit.IsIn(labels));
        if (labels.Contains(Placeholder, StringComparison.Ordinal))
        {
            string[] files = [.. SplitNames.Candidates(split).Select(s => labels.Replace(Placeholder, s, StringComparison.Ordinal))];
            return Array.Find(files, System.IO.File.Exists) is { } found ? new(found, true)
                : throw new DatasetException($"`{nameof(DatasetOptions.LabelsFile)}` {labels}: there is no file {files[0]}, nor one of a "
                    + $"synonym of '{split}'", wrongOption: true);
        }
        string[] pairs = labels.Split(',');
        if (!Array.TrueForAll(pairs, p => p.IndexOf('=', StringComparison.Ordinal) > 0))
            return new(labels, false);
        foreach (string candidate in SplitNames.Candidates(split))
        {
            if (Array.Find(pairs, p => p.AsSpan(0, p.IndexOf('=', StringComparison.Ordinal)).Trim()
                .Equals(candidate, StringComparison.OrdinalIgnoreCase)) is { } pair)
                return new(pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim(), true);
        }
        return new(null, false);
    }
}
