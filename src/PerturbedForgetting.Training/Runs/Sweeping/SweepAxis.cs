using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Runs.Sweeping;

/// <summary>One option of a sweep with the values that it takes.</summary>
/// <param name="Name">The option's name without dashes; <see cref="PresetName"/> for presets.</param>
/// <param name="Spec">The option; null for presets.</param>
/// <param name="Values">As typed.</param>
public sealed partial record SweepAxis(string Name, OptionSpec? Spec, IReadOnlyList<string> Values)
{
    /// <summary>What stands for an option where presets are what varies.</summary>
    public const string PresetName = "preset";

    const int MostValues = 10_000;
    const string Flag = "--vary";

    /// <summary>Whether its values are only repetitions of the same.</summary>
    public bool IsSeed => Spec == TrainOptions.SeedOption;

    /// <summary>Reads <c>rho=0.05,0.1</c>, <c>seed=1..5</c> or <c>preset=NAME,NAME</c>.</summary>
    /// <exception cref="OptionException">It is not of that form, or there is no such option, or a value is wrong.</exception>
    public static SweepAxis Parse(string text)
    {
        int equals = text.IndexOf('=');
        if (equals <= 0 || equals == text.Length - 1)
            throw Wrong($"takes OPTION=VALUE,VALUE,... such as rho=0.05,0.1, or seed=1..5; got '{text}'.");
        string name = text[..equals].TrimStart('-').Replace('_', '-');
        string[] values = [.. text[(equals + 1)..].Split(',').SelectMany(Range)];
        if (values.Length > MostValues)
            throw Wrong($"'{name}' has {values.Length} values; {MostValues} is the most.");
        if (values.Distinct(StringComparer.Ordinal).Count() < values.Length)
            throw Wrong($"'{name}' has a value twice.");
        if (name == PresetName)
        {
            foreach (string value in values)
                Presets.PresetTable.Find(value);
            return new(name, null, values);
        }
        var spec = OptionTables.Train.Find(name) ?? throw Wrong($"there is no option '{name}'."
            + Suggestions.DidYouMean(name, OptionTables.Train.Specs.Select(s => s.Name).Append(PresetName)));
        if (spec.Resume.IsOfThisStart)
            throw Wrong($"{spec} says where or how a run is made, not what it computes; it cannot vary.");
        SweepAxis axis = new(spec.Name, spec, values);
        foreach (string value in values)
            axis.Set(new TrainOptions(), value);
        return axis;
    }

    /// <summary>Gives options one of the values.</summary>
    /// <exception cref="OptionException">It is not what the option takes.</exception>
    public void Set(TrainOptions options, string value) =>
        Spec!.Set(options, OptionValue.Parse(Spec, Spec.TakesSeveral ? value.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [value]));

    static IEnumerable<string> Range(string value)
    {
        if (WholeRange().Match(value) is not { Success: true } range
            || !int.TryParse(range.Groups[1].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int first)
            || !int.TryParse(range.Groups[2].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int last))
            return [value];
        long count = (long)last - first + 1;
        return count is < 1 or > MostValues
            ? throw Wrong($"'{value}' is no range of 1 to {MostValues} numbers.")
            : Enumerable.Range(first, (int)count).Select(n => n.ToString(CultureInfo.InvariantCulture));
    }

    static OptionException Wrong(string message) => new(new OptionProblem(Flag, message));

    [GeneratedRegex(@"^(-?\d+)\.\.(-?\d+)$")]
    private static partial Regex WholeRange();
}
