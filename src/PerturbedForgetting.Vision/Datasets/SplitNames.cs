namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The names under which people ask for parts of a data set.</summary>
static class SplitNames
{
    static readonly string[] Training = ["train", "training"];
    static readonly string[] Validation = ["validation", "val", "valid", "eval", "test"];
    static readonly string[] Test = ["test", "testing"];

    /// <summary>Folder names that may hold a split, the best first: the name itself, then its synonyms. A test folder
    /// stands in for a missing validation folder, never the other way round.</summary>
    public static IEnumerable<string> Candidates(string split)
    {
        string name = split.ToLowerInvariant();
        string[] synonyms = Training.Contains(name) ? Training : Test.Contains(name) ? Test : Validation.Contains(name) ? Validation : [];
        return synonyms.Prepend(split).Distinct(StringComparer.Ordinal);
    }

    /// <summary>Whether a folder of this name holds a split rather than a class.</summary>
    public static bool IsSplit(string folder)
    {
        string name = folder.ToLowerInvariant();
        return Training.Contains(name) || Validation.Contains(name) || Test.Contains(name);
    }

    /// <summary>True for the training split, false for validation and test (which sets of two parts do not tell apart).</summary>
    /// <exception cref="DatasetException">The name is neither.</exception>
    public static bool IsTraining(string split, string dataset)
    {
        string name = split.ToLowerInvariant();
        if (Training.Contains(name))
            return true;
        if (Validation.Contains(name) || Test.Contains(name))
            return false;
        throw new DatasetException($"{dataset} has no split '{split}'; it has train and validation (also called test); "
            + $"`{nameof(split)}` names one", wrongOption: true);
    }
}
