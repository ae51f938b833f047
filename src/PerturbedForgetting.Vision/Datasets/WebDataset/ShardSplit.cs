using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Finds the shards of a split: those that it names itself, in a folder of its name, or with its word in their names.</summary>
static partial class ShardSplit
{
    /// <summary>The shards.</summary>
    /// <param name="dataDir">A folder, a shard, or a pattern of shards.</param>
    /// <param name="split">Name of the split, or a pattern of shards in the folder; empty for all shards.</param>
    /// <param name="notes">Receives what stands in for another.</param>
    /// <exception cref="DatasetException">There is none.</exception>
    public static List<string> Find(string dataDir, string split, List<string> notes)
    {
        if (ShardList.IsPattern(split))
            return ShardList.Find(split, Directory.Exists(dataDir) ? dataDir : "");
        if (!Directory.Exists(dataDir))
        {
            return ShardList.IsPattern(dataDir) || File.Exists(dataDir) ? Choose(dataDir, ShardList.Find(dataDir, ""), split, notes)
                : throw new DatasetException($"`{nameof(dataDir)}`: there is no file and no folder {dataDir}", wrongOption: true);
        }
        foreach (string candidate in SplitNames.Candidates(split).Where(static c => c.Length > 0))
        {
            if (TarNames.In(Path.Combine(dataDir, candidate)) is { Count: > 0 } ofFolder)
                return ofFolder;
        }
        return TarNames.In(dataDir) is { Count: > 0 } shards ? Choose(dataDir, shards, split, notes)
            : throw new DatasetException($"{dataDir} holds no shards (.tar) of '{split}', nor does a folder of that name in it",
                wrongOption: true);
    }

    static List<string> Choose(string where, List<string> shards, string split, List<string> notes)
    {
        if (split.Length == 0)
            return shards;
        ILookup<string, string> byWord = shards.ToLookup(SplitOf);
        foreach (string candidate in SplitNames.Candidates(split))
        {
            if (byWord[candidate].Any())
            {
                if (candidate != split)
                    notes.Add($"no shard of {where} is called '{split}'; those called '{candidate}' are used instead");
                return [.. byWord[candidate]];
            }
        }
        bool saysNothing = byWord.All(static g => g.Key.Length == 0);
        if (saysNothing && SplitNames.Candidates(split).Contains("train"))
            return shards;
        throw new DatasetException($"{where}: no name of its {Quantity.Of(shards.Count, "shard")} has the word "
            + $"{string.Join(" or ", SplitNames.Candidates(split))}"
            + (saysNothing ? "" : $"; they have {string.Join(" and ", byWord.Select(g => $"'{g.Key}'"))}")
            + $". Name the shards with `{nameof(split)}`, as in 'set-{{000..005}}.tar'; \"\" takes all", wrongOption: true);
    }

    /// <summary>The word in a shard's name, or else the name of its folder, that tells the split; empty where none does.</summary>
    static string SplitOf(string shard)
    {
        string folder = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(shard))) ?? "";
        IEnumerable<string> words = Word().Matches(TarNames.Stem(shard)).Select(static m => m.Value);
        return words.Append(folder).FirstOrDefault(SplitNames.IsSplit)?.ToLowerInvariant() ?? "";
    }

    [GeneratedRegex("[A-Za-z]+")]
    private static partial Regex Word();
}
