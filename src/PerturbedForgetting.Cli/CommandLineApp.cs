using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Processes.Launching;

namespace PerturbedForgetting.Cli;

/// <summary>The program: parses the command line, runs a command and maps what goes wrong to messages and exit codes.</summary>
sealed class CommandLineApp
{
    readonly Terminal terminal;
    readonly IReadOnlyList<ICliCommand> commands;

    public CommandLineApp(CommandHandlers handlers, Terminal terminal)
    {
        this.terminal = terminal;
        SoftwareGpu.Register();
        commands = [new TrainCommand(handlers), new ValidateCommand(handlers), new PredictCommand(), new FeaturesCommand(),
            new HessianCommand(), new ForgettingCommand(), new ConvertCommand(), new DataCheckCommand(handlers),
            new DataInspectCommand(), new DataConvertCommand(), new ModelsCommand(), new PresetsListCommand(), new PresetsShowCommand(),
            new PresetsRunCommand(handlers), new PresetsValidateCommand(handlers), new SweepCommand(handlers), new ReportCommand(),
            new DevicesCommand(), new KernelsProfileCommand()];
    }

    /// <summary>Version of the program.</summary>
    public static string Version => typeof(CommandLineApp).Assembly.GetName().Version!.ToString(3);

    /// <summary>Runs a command line and returns the exit code.</summary>
    public int Run(IReadOnlyList<string> args)
    {
        try
        {
            ParseResult parsed = BuildRoot(args)
                .Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            if (parsed.Action is not Print && WithoutValue(parsed.CommandResult.Command, args) is { Count: > 0 } empty)
                return Refuse(parsed.CommandResult.Command, empty.Select(option => $"{option} needs a value."));
            if (parsed.Action is not Print && TakenForArguments(parsed, args) is { Count: > 0 } unknown)
                return Refuse(parsed.CommandResult.Command, unknown.Select(token =>
                    DescribeUnknown(parsed.CommandResult.Command, token, isOption: true)));
            return parsed.Errors.Count > 0 && parsed.Action is not Print
                ? ReportParseErrors(parsed)
                : parsed.Invoke(new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                    Output = terminal.Out,
                    Error = terminal.Error
                });
        }
        catch (Exception e)
        {
            return Failures.Report(e, terminal.Error, commands.FirstOrDefault(c => string.Join(' ', args)
                .StartsWith(c.Help.Name + " ", StringComparison.Ordinal))?.Help.Table);
        }
    }

    RootCommand BuildRoot(IReadOnlyList<string> args)
    {
        RootCommand root = new();
        root.Options.Clear();
        AddHelp(root, () => WriteHelp(root, terminal));
        root.Options.Add(new VersionOption { Action = new Print(() => terminal.Out.WriteLine(Version)) });
        foreach (ICliCommand command in commands)
        {
            string[] words = command.Help.Name.Split(' ');
            Command parsed = new(words[^1]);
            // Hundreds of options cost time at every start, so only those of a command that is named are made.
            if (args.Contains(words[^1]))
                command.Configure(parsed);
            AddHelp(parsed, () => HelpWriter.WriteCommand(terminal, command.Help));
            parsed.SetAction(result => command.MayRunTogether || Launch.Here() is not { } launch
                ? command.Run(result, terminal)
                : RefuseTogether(command, launch));
            (words.Length == 1 ? root : GroupOf(root, words[0])).Subcommands.Add(parsed);
        }
        return root;
    }

    /// <summary>What one process does is not done several times beside each other.</summary>
    int RefuseTogether(ICliCommand command, Launch launch)
    {
        if (launch.Rank == 0)
            terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"error: '{command.Help.Name}' is done by one process, and {launch.Size} were started by {launch.Title}; start it alone."));
        return ExitCodes.WrongOption;
    }

    Command GroupOf(RootCommand root, string name)
    {
        if (root.Subcommands.FirstOrDefault(c => c.Name == name) is { } existing)
            return existing;
        Command group = new(name);
        AddHelp(group, () => WriteHelp(group, terminal));
        root.Subcommands.Add(group);
        return group;
    }

    void WriteHelp(Command command, Terminal terminal) => HelpWriter.WriteRoot(terminal, commands
        .Where(c => command is RootCommand || c.Help.Name.StartsWith(command.Name + " ", StringComparison.Ordinal))
        .Select(c => (c.Help.Name, c.Help.Summary)));

    static void AddHelp(Command command, Action write) =>
        command.Options.Add(new HelpOption("--help", "-h") { Action = new Print(write) });

    int ReportParseErrors(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count == 0)
        {
            WriteHelp(command, terminal with { Out = terminal.Error });
            return ExitCodes.WrongOption;
        }
        List<string> problems = [];
        foreach (string token in parsed.UnmatchedTokens)
        {
            bool isOption = LooksLikeOption(token);
            // A text after an unknown option is probably its value.
            if (isOption || problems.Count == 0)
                problems.Add(DescribeUnknown(command, token, isOption));
        }
        return Refuse(command, problems.Count > 0 ? problems : parsed.Errors.Select(Describe).Distinct());
    }

    int Refuse(Command command, IEnumerable<string> problems)
    {
        foreach (string problem in problems)
            terminal.Error.WriteLine($"error: {problem}");
        string path = string.Concat(command.Parents.OfType<Command>().Where(p => p is not RootCommand).Append(command)
            .Where(c => c is not RootCommand).Select(c => c.Name + " "));
        terminal.Error.WriteLine($"See: perturbed-forgetting {path}--help");
        return ExitCodes.WrongOption;
    }

    /// <summary>Options that are followed by another option, or by nothing, where their value belongs; the parser would take the other
    /// option's name for it.</summary>
    static List<string> WithoutValue(Command command, IReadOnlyList<string> args)
    {
        Dictionary<string, Option> known = new(StringComparer.Ordinal);
        foreach (Option option in command.Options)
            foreach (string name in option.Aliases.Prepend(option.Name))
                known[name] = option;
        List<string> empty = [];
        for (int i = 0; i < args.Count && args[i] != "--"; i++)
        {
            string name = args[i].TrimEnd('=');
            if (known.TryGetValue(name, out Option? option) && option.Arity.MinimumNumberOfValues > 0
                && (i + 1 == args.Count || known.ContainsKey(args[i + 1].Split('=')[0])))
                empty.Add(name);
        }
        return empty;
    }

    /// <summary>What looks like an option, but is none, where a command takes names of files; they may follow "--".</summary>
    static List<string> TakenForArguments(ParseResult parsed, IReadOnlyList<string> args)
    {
        HashSet<string> before = [.. args.TakeWhile(static a => a != "--")];
        return [.. parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(static a => a.Tokens).Select(static t => t.Value)
            .Where(t => LooksLikeOption(t) && before.Contains(t))];
    }

    static bool LooksLikeOption(string token) => token.Length > 1 && token[0] == '-' && !char.IsAsciiDigit(token[1]);

    static string Describe(ParseError error) =>
        error.SymbolResult is OptionResult { Option: var option, Tokens: [.., var token] }
            && (Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType) == typeof(int)
            ? $"{option.Name}: takes a whole number, got '{token.Value}'."
            : error.SymbolResult is ArgumentResult { Tokens.Count: 0, Argument: var argument } ? $"name a {argument.Name}."
            : error.Message;

    static string DescribeUnknown(Command command, string token, bool isOption)
    {
        if (isOption)
        {
            string name = token.Split('=', ':')[0];
            IEnumerable<string> names = command.Options.Select(o => o.Name).Where(n => !n.StartsWith("--no-", StringComparison.Ordinal))
                .Append("--no-bce-loss");
            return $"there is no option '{name}'.{Suggestions.DidYouMean(name, names)}";
        }
        return command.Subcommands.Count > 0
            ? $"there is no command '{token}'.{Suggestions.DidYouMean(token, command.Subcommands.Select(c => c.Name))}"
            : $"'{token}' is not expected here; a value with spaces needs quotes.";
    }

    sealed class Print(Action write) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            write();
            return ExitCodes.Success;
        }
    }
}
