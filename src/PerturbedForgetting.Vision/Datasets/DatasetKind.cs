namespace PerturbedForgetting.Vision.Datasets;

/// <summary>What is to be opened.</summary>
/// <param name="Dataset">Name of the set as it was given, one of its kind's.</param>
/// <param name="DataDir">Where the set lies; empty for one that needs nothing.</param>
/// <param name="Split">Name of the split.</param>
/// <param name="Options">Further choices.</param>
sealed record DatasetRequest(string Dataset, string DataDir, string Split, DatasetOptions Options);

/// <summary>A kind of data set.</summary>
/// <param name="Names">What <c>--dataset</c> calls it.</param>
/// <param name="Open">Opens a split; a <see cref="DatasetException"/> says why it cannot.</param>
/// <param name="NeedsData">Whether it lies somewhere.</param>
/// <param name="TakesSettings">Whether settings may follow the name behind a colon.</param>
/// <param name="Prefix">What names of the kind begin with that are too many to be listed.</param>
sealed record DatasetKind(
    IReadOnlyList<string> Names, Func<DatasetRequest, Dataset> Open, bool NeedsData = true, bool TakesSettings = false,
    string? Prefix = null)
{
    /// <summary>Whether a name is of this kind.</summary>
    public bool Matches(string dataset) => (Prefix is not null && dataset.StartsWith(Prefix, StringComparison.Ordinal))
        || Names.Any(n => dataset == n || (TakesSettings && dataset.StartsWith(n + ":", StringComparison.Ordinal)));
}
