using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Presets;

/// <summary>Options as the words of a command line.</summary>
static class OptionWords
{
    const string No = "--no-";

    /// <summary>The words of a line; there is no quoting, because no option of ours has a space in it.</summary>
    public static string[] Split(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Sets the options that the words give; of one that occurs twice the last counts.</summary>
    /// <returns>The options that were given, each once.</returns>
    /// <exception cref="OptionException">There is no such option, or a value is wrong.</exception>
    public static IReadOnlyList<OptionSpec> Apply(RunOptions options, IReadOnlyList<string> words)
    {
        var table = OptionTables.For(options);
        List<OptionSpec> given = [];
        for (int i = 0; i < words.Count;)
        {
            string name = words[i++];
            bool isNegated = table.Find(name) is null && name.StartsWith(No, StringComparison.Ordinal);
            var spec = Find(table, isNegated ? name[No.Length..] : name);
            List<string> values = [];
            while (i < words.Count && !IsName(words[i]))
                values.Add(words[i++]);
            spec.Set(options, spec.Kind == OptionKind.Switch ? !isNegated : OptionValue.Parse(spec, values));
            if (!given.Contains(spec))
                given.Add(spec);
        }
        return given;
    }

    /// <summary>The words that give some options the values they have, quoted for a shell where they need it.</summary>
    public static IEnumerable<string> Write(RunOptions options, IEnumerable<OptionSpec> specs) =>
        specs.Select(spec => spec.Get(options) switch
        {
            true => spec.Flag,
            false => No + spec.Name,
            string text => $"{spec.Flag} {Quoted(text)}",
            var value => $"{spec.Flag} {Quoted(OptionValue.Format(value), spec.TakesSeveral)}",
        });

    static OptionSpec Find(OptionTable table, string name) => table.Find(name) ?? table.Specs.FirstOrDefault(s => s.Alias == name)
        ?? throw new OptionException(new OptionProblem(name, "is no option."));

    /// <summary>A negative number is a value.</summary>
    static bool IsName(string word) => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && word[1] != '.';

    static string Quoted(string text, bool severalWords = false)
    {
        bool isPlain = text.Length > 0
            && text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=+,%@~".Contains(c) || (severalWords && c == ' '));
        return isPlain ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
