using System.Text.RegularExpressions;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// Messages of the libraries name their parameters in backquotes, such as <c>`numClasses`</c>: what they are called on the command line is
/// not theirs to know. This puts the options in their places.
/// </summary>
public static partial class ParameterNames
{
    static readonly Lazy<Dictionary<string, string>> OfAnyCommand =
        new(static () => Flags(OptionTables.Train.Specs.Concat(OptionTables.Validate.Specs)));

    /// <summary>The message as a person at the command line reads it; names that belong to no option stay.</summary>
    /// <param name="message">The message.</param>
    /// <param name="table">The options of the command that was called; what these lack, options of other commands stand for.</param>
    public static string Translate(string message, OptionTable? table = null)
    {
        Dictionary<string, string> own = Flags(table?.Specs ?? []);
        return Parameter().Replace(message, match => own.GetValueOrDefault(match.Groups[1].Value)
            ?? OfAnyCommand.Value.GetValueOrDefault(match.Groups[1].Value, match.Value));
    }

    static Dictionary<string, string> Flags(IEnumerable<OptionSpec> specs)
    {
        Dictionary<string, string> flags = new(StringComparer.OrdinalIgnoreCase);
        // A name that several options have means each of them.
        foreach (var names in specs.SelectMany(s => s.Parameters, (s, name) => (s.Flag, name))
            .GroupBy(p => p.name, p => p.Flag, StringComparer.OrdinalIgnoreCase))
            flags.Add(names.Key, string.Join(" or ", names.Distinct()));
        return flags;
    }

    [GeneratedRegex("`(\\w+)`")]
    private static partial Regex Parameter();
}
