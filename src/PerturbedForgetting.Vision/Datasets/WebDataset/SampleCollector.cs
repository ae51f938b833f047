using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Puts the files of a shard together to samples: files that follow each other and have one key.</summary>
/// <param name="shard">What the shard is called in errors.</param>
sealed class SampleCollector(string shard)
{
    static readonly SampleLabel none = SampleLabel.Bad("its sample has no label (.cls, .cls.txt, .json or .txt)");

    readonly List<ShardSample> samples = [];
    readonly List<SampleLabel> labels = [];
    readonly Dictionary<SampleLabel, int> numbers = [];
    readonly List<(SampleFile File, SampleLabel? Label)> group = [];
    int withoutImage;

    /// <summary>Adds a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="label">The label in it, where it is one that holds labels.</param>
    /// <exception cref="DatasetException">The sample has it already.</exception>
    public void Add(SampleFile file, SampleLabel? label)
    {
        if (group.Count > 0 && group[0].File.Key != file.Key)
            EndGroup();
        if (group.Exists(f => f.File.Part == file.Part && f.File.Kind == file.Kind))
            throw new DatasetException($"{shard}: sample '{file.Key}' has two files '{file.Member.Name}', the second at byte "
                + $"{file.Member.Offset}; give each sample a name of its own, and make the shard again");
        group.Add((file, label));
    }

    /// <summary>Ends the shard.</summary>
    public ShardIndex Finish(TarFindings findings)
    {
        EndGroup();
        return new ShardIndex(samples, labels, withoutImage, findings);
    }

    /// <summary>Makes a sample of the files of a key; or, where their names have more dots and so parts, one of each part with an image, as
    /// those mean it who have dots in their names.</summary>
    void EndGroup()
    {
        IGrouping<string, SampleFile>[] parts =
            [.. group.Select(static f => f.File).Where(static f => f.IsImage).GroupBy(static f => f.Part, StringComparer.Ordinal)];
        if (parts.Length == 0 && group.Exists(static f => f.Label is not null))
            withoutImage++;
        IGrouping<string, SampleFile>? whole = Array.Find(parts, static p => p.Key.Length == 0);
        foreach (IGrouping<string, SampleFile> part in whole is null ? parts : [whole])
            samples.Add(new ShardSample(part.MinBy(static f => f.Rank).Member, NumberOf(LabelOf(part.Key))));
        group.Clear();
    }

    /// <summary>The label of a part, or else of the whole sample.</summary>
    SampleLabel LabelOf(string part) => group
        .Where(f => f.Label is not null && (f.File.Part == part || f.File.Part.Length == 0))
        .OrderBy(f => f.File.Part == part ? 0 : 1).ThenBy(static f => SampleLabel.Rank(f.File.Kind))
        .Select(static f => f.Label).FirstOrDefault() ?? none;

    int NumberOf(SampleLabel label)
    {
        if (numbers.TryGetValue(label, out int number))
            return number;
        labels.Add(label);
        return numbers[label] = labels.Count - 1;
    }
}
