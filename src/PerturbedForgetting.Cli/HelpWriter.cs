using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli;

/// <summary>Writes the help of a command: options under headings, with defaults and choices, then examples.</summary>
static class HelpWriter
{
    const string Program = "perturbed-forgetting";
    // Where texts begin: beside what they are about, or, where that leaves too little room, below it.
    const int HelpColumn = 34, NarrowHelpColumn = 8, Wide = 80;

    /// <summary>Help of the program itself.</summary>
    public static void WriteRoot(Terminal terminal, IEnumerable<(string Name, string Summary)> commands)
    {
        TextWriter w = terminal.Out;
        WriteText(terminal, "Trains image classifiers with sharpness-aware minimisation and perturbed forgetting.");
        w.WriteLine();
        w.WriteLine($"Usage: {Program} COMMAND [options]");
        w.WriteLine();
        w.WriteLine("Commands");
        foreach ((string name, string summary) in commands)
            WriteEntry(terminal, $"  {name}", summary);
        WriteEntry(terminal, "  --version", "show the version");
        w.WriteLine();
        WriteText(terminal, $"Try: {Program} train --dataset builtin/shapes (about a minute, needs no files)");
        WriteText(terminal, $"Help on a command: {Program} COMMAND --help");
    }

    /// <summary>Help of a command.</summary>
    public static void WriteCommand(Terminal terminal, CommandHelp help)
    {
        TextWriter w = terminal.Out;
        WriteText(terminal, help.Summary);
        w.WriteLine();
        WriteText(terminal, $"Usage: {Program} {help.Name} {help.Arguments}".TrimEnd());
        foreach (IGrouping<string, OptionSpec> group in (help.Table?.Specs ?? []).GroupBy(s => s.Group))
        {
            w.WriteLine();
            w.WriteLine(group.Key);
            foreach (OptionSpec spec in group)
                WriteEntry(terminal, Left(spec), Right(spec, help.Defaults!));
        }
        if (help.Options.Count > 0)
        {
            w.WriteLine();
            w.WriteLine("Options");
            foreach ((string name, string text) in help.Options)
                WriteEntry(terminal, $"      {name}", text);
        }
        w.WriteLine();
        w.WriteLine("Other");
        if (help.Table is not null)
        {
            WriteEntry(terminal, "      --config FILE",
                "JSON of option names and values, such as a run's args.json; options that are typed win");
            WriteEntry(terminal, "      --no-NAME", "switch NAME off where a configuration file switches it on");
        }
        WriteEntry(terminal, "  -h, --help", "show this help");
        if (help.Examples.Count > 0)
        {
            w.WriteLine();
            w.WriteLine("Examples");
            foreach (string example in help.Examples)
                w.WriteLine($"  {Program} {example}");
        }
        if (help.Table is not null)
        {
            w.WriteLine();
            WriteText(terminal,
                "Exit codes: 0 done, 1 failed, 2 wrong option, 3 bad data, 4 device, 5 loss not finite, 6 another process is gone, "
                + "130 Ctrl-C, 143 ended.");
        }
    }

    static string Left(OptionSpec spec)
    {
        string alias = spec.Alias is null ? "    " : $"{spec.Alias}, ";
        string value = spec.Kind switch
        {
            OptionKind.Switch => "",
            OptionKind.Integer => " N",
            OptionKind.Number => " X",
            OptionKind.Numbers => " X ...",
            OptionKind.Pairs => " KEY=VALUE ...",
            _ => spec.Choices.Count > 0 ? " NAME" : " TEXT",
        };
        return $"  {alias}{spec.Flag}{value}";
    }

    static string Right(OptionSpec spec, RunOptions defaults)
    {
        string choices = spec.Choices.Count == 0 ? "" : $" ({string.Join(" | ", spec.Choices.Select(c => c.Length == 0 ? "\"\"" : c))})";
        object? value = spec.Get(defaults);
        bool hasDefault = value is not (null or "" or false or IReadOnlyDictionary<string, object?> { Count: 0 });
        return spec.Help + choices + (hasDefault ? $" [{OptionValue.Format(value)}]" : "");
    }

    static void WriteEntry(Terminal terminal, string left, string right)
    {
        TextWriter w = terminal.Out;
        int column = terminal.Width >= Wide ? HelpColumn : NarrowHelpColumn;
        if (left.Length > column - 2)
        {
            w.WriteLine(left);
            left = "";
        }
        foreach (string line in Wrap(right, terminal.Width - column))
        {
            w.WriteLine(left.PadRight(column) + line);
            left = "";
        }
    }

    static void WriteText(Terminal terminal, string text)
    {
        foreach (string line in Wrap(text, terminal.Width))
            terminal.Out.WriteLine(line);
    }

    static IEnumerable<string> Wrap(string text, int width)
    {
        while (text.Length > width)
        {
            int space = text.LastIndexOf(' ', width);
            if (space <= 0)
                break;
            yield return text[..space];
            text = text[(space + 1)..];
        }
        yield return text;
    }
}

/// <summary>What the help of a command says.</summary>
/// <param name="Name">The command as typed.</param>
/// <param name="Arguments">What follows it.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Examples">Command lines without the program's name.</param>
/// <param name="TableSource">Makes the table of its options, or null.</param>
/// <param name="Defaults">Options that hold the default values; null without a table.</param>
sealed record CommandHelp(string Name, string Arguments, string Summary, IReadOnlyList<string> Examples,
    Func<OptionTable>? TableSource = null, RunOptions? Defaults = null)
{
    /// <summary>Options of a command without a table: how each is written, and what it does.</summary>
    public IReadOnlyList<(string Name, string Text)> Options { get; init; } = [];

    /// <summary>The options, made when they are needed.</summary>
    public OptionTable? Table => TableSource?.Invoke();
}
