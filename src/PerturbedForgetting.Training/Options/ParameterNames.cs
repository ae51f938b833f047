using System.Text.RegularExpressions;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// Messages of the libraries name their parameters in backquotes, such as <c>`numClasses`</c>: what they are called on the command line is
/// not theirs to know. This puts the options in their places.
/// </summary>
public static partial class ParameterNames
{
    static readonly Lazy<Dictionary<string, string>> Flags = new(static () =>
    {
        Dictionary<string, string> flags = new(StringComparer.OrdinalIgnoreCase);
        // A name that several options have means each of them, of whichever command.
        foreach (var names in OptionTables.Train.Specs.Concat(OptionTables.Validate.Specs)
            .SelectMany(s => s.Parameters, (s, name) => (s.Flag, name)).GroupBy(p => p.name, p => p.Flag, StringComparer.OrdinalIgnoreCase))
            flags.Add(names.Key, string.Join(" or ", names.Distinct()));
        return flags;
    });

    /// <summary>The message as a person at the command line reads it; names that belong to no option stay.</summary>
    public static string Translate(string message) =>
        Parameter().Replace(message, match => Flags.Value.GetValueOrDefault(match.Groups[1].Value, match.Value));

    [GeneratedRegex("`(\\w+)`")]
    private static partial Regex Parameter();
}
