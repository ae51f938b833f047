using System.Globalization;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>Some records of a split, one after the other.</summary>
/// <param name="Split">The split.</param>
/// <param name="From">Number of the first record.</param>
/// <param name="To">Number of the one behind the last.</param>
readonly record struct SplitPart(TfdsSplit Split, long From, long To);

/// <summary>The names of splits and parts of splits that TFDS knows: <c>train</c>, <c>train[:8192]</c>, <c>train[10%:-5%]</c>,
/// <c>train[3shard]</c>, <c>train[:2shard]</c>, <c>all</c>, and sums of them.</summary>
static partial class SplitExpression
{
    const string Form = "write NAME, NAME[FROM:TO] with counts, percentages (10%) or shards (2shard), NAME[NUMBERshard], all, or a sum of "
        + "these";

    enum Unit
    {
        Records,
        Percent,
        Shards,
    }

    /// <summary>Finds the records that an expression names, in its order.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="splits">The splits that there are.</param>
    /// <param name="dataset">Name of the set, for messages.</param>
    /// <param name="notes">Receives a sentence where a split stands in for another.</param>
    /// <exception cref="DatasetException">It is wrong, names no split, or no record.</exception>
    public static IReadOnlyList<SplitPart> Resolve(string expression, IReadOnlyList<TfdsSplit> splits, string dataset, List<string> notes)
    {
        List<SplitPart> parts = [];
        foreach (string term in expression.Split('+', StringSplitOptions.TrimEntries))
        {
            if (term == "all")
                parts.AddRange(splits.Select(s => new SplitPart(s, 0, s.Count)));
            else
                parts.Add(ResolveTerm(term, expression, splits, dataset, notes));
        }
        return parts.Exists(p => p.From < p.To) ? parts
            : throw Wrong(expression, $"there is no record in it ({Describe(splits)})");
    }

    static SplitPart ResolveTerm(string term, string expression, IReadOnlyList<TfdsSplit> splits, string dataset, List<string> notes)
    {
        Match match = Term().Match(term);
        if (!match.Success)
            throw Wrong(expression, $"'{term}' is no part of a split; {Form}");
        string name = match.Groups["name"].Value;
        TfdsSplit split = Find(name, splits)
            ?? throw new DatasetException($"{dataset} has no split '{name}'; it has {Describe(splits)}; `split` names one",
                wrongOption: true);
        if (split.Name != name)
            notes.Add($"{dataset} has no split '{name}'; '{split.Name}' is used instead");
        if (!match.Groups["slice"].Success)
            return new SplitPart(split, 0, split.Count);
        (string? from, string? to) = (Given(match.Groups["from"]), Given(match.Groups["to"]));
        if (match.Groups["single"].Success)
        {
            long shard = Number(match.Groups["single"].Value, expression);
            shard = shard < 0 ? split.ShardLengths.Count + shard : shard;
            return new SplitPart(split, Shards(split, shard, expression), Shards(split, shard + 1, expression));
        }
        if (from is null && to is null)
            throw Wrong(expression, $"'{term}' has neither a beginning nor an end; {Form}");
        Unit unit = UnitOf(from ?? to!);
        if (from is not null && to is not null && UnitOf(to) != unit)
            throw Wrong(expression, $"'{term}' counts from one thing to another; give both ends in records, percent or shards");
        return new SplitPart(split, from is null ? 0 : Place(split, from, unit, expression),
            to is null ? split.Count : Place(split, to, unit, expression));
    }

    /// <summary>The split of a name, else one that stands in for it.</summary>
    static TfdsSplit? Find(string name, IReadOnlyList<TfdsSplit> splits) =>
        SplitNames.Candidates(name).Select(c => splits.FirstOrDefault(s => s.Name == c)).FirstOrDefault(s => s is not null);

    static string? Given(Group group) => group.Success && group.Length > 0 ? group.Value : null;

    static Unit UnitOf(string end) => end[^1] switch
    {
        '%' => Unit.Percent,
        'd' => Unit.Shards,
        _ => Unit.Records,
    };

    /// <summary>The record at one end of a slice; those from the end count backwards.</summary>
    static long Place(TfdsSplit split, string end, Unit unit, string expression)
    {
        long number = Number(end, expression), count = split.Count;
        if (unit == Unit.Shards)
            return Shards(split, number, expression);
        if (unit == Unit.Percent && number is < -100 or > 100)
            throw Wrong(expression, $"{end} is not within -100% and 100%");
        // Halves go to the even number, as Python rounds.
        long place = unit == Unit.Percent ? (long)Math.Round(number * count / 100.0, MidpointRounding.ToEven) : number;
        if (Math.Abs(place) > count)
            throw Wrong(expression, $"'{split.Name}' has {count} records only");
        return place < 0 ? count + place : place;
    }

    /// <summary>Records in the shards before one.</summary>
    static long Shards(TfdsSplit split, long shard, string expression)
    {
        int shards = split.ShardLengths.Count;
        if (Math.Abs(shard) > shards)
            throw Wrong(expression, $"'{split.Name}' has {shards} shards only");
        return split.ShardLengths.Take((int)(shard < 0 ? shards + shard : shard)).Sum(static l => (long)l);
    }

    static long Number(string end, string expression)
    {
        string digits = end.TrimEnd('%').Replace("shard", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
        return int.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Wrong(expression, $"{end} is no number that a split can have");
    }

    static string Describe(IReadOnlyList<TfdsSplit> splits) =>
        string.Join(", ", splits.Select(s => $"'{s.Name}' of {s.Count} records in {s.ShardLengths.Count} files"));

    static DatasetException Wrong(string expression, string why) => new($"`split` {expression}: {why}", wrongOption: true);

    [GeneratedRegex(
        @"^(?<name>[\w-]+)"
            + @"(?<slice>\[(?:(?<single>-?[0-9_]+shard)|(?<from>-?[0-9_]+(?:%|shard)?)?:(?<to>-?[0-9_]+(?:%|shard)?)?)\])?$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Term();
}
