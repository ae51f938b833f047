using System.CommandLine;
using System.CommandLine.Parsing;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli;

/// <summary>Puts the options of a table on a command, and reads them back: defaults, then <c>--config</c>, then what was typed.</summary>
sealed class OptionBinder
{
    readonly OptionTable table;
    readonly Dictionary<OptionSpec, Option> options = [];
    readonly Dictionary<OptionSpec, Option> negations = [];

    public OptionBinder(Command command, OptionTable table)
    {
        this.table = table;
        foreach (OptionSpec spec in table.Specs)
        {
            Option option = spec.Kind == OptionKind.Switch ? Flag(spec.Flag) : Texts(spec.Flag, spec.TakesSeveral);
            if (spec.Alias is { } alias)
                option.Aliases.Add(alias);
            command.Options.Add(option);
            options.Add(spec, option);
            if (spec.Kind == OptionKind.Switch)
            {
                // So that a switch of a configuration file can be taken back.
                Option negation = Flag("--no-" + spec.Name);
                command.Options.Add(negation);
                negations.Add(spec, negation);
            }
        }
        command.Options.Add(Config);
    }

    /// <summary>The option <c>--config</c>.</summary>
    public Option<string[]> Config { get; } = Texts("--config", several: false);

    /// <summary>Reads the options; all wrong values are reported at once.</summary>
    /// <param name="parsed">What was typed.</param>
    /// <param name="options">Defaults, changed in place.</param>
    /// <param name="preset">Called with the data set's name before files and flags are applied, to change defaults.</param>
    /// <returns>The options that were given, in a file or typed.</returns>
    /// <exception cref="OptionException">A value, or the configuration file, is wrong.</exception>
    public IReadOnlySet<OptionSpec> Bind(ParseResult parsed, RunOptions options, Action<string>? preset = null)
    {
        List<OptionProblem> problems = [];
        Dictionary<OptionSpec, object> typed = Typed(parsed, problems);
        HashSet<OptionSpec> given = [];
        string? path = parsed.GetValue(Config) is [.., var last] ? last : null, json = path is null ? null : ReadConfig(path);
        // Once to learn the data set, and again over the defaults that it brings.
        if (json is not null)
            given.UnionWith(OptionsJson.Apply(options, json, path!));
        preset?.Invoke(typed.TryGetValue(RunOptions.DatasetOption, out object? name) ? (string)name : options.Dataset);
        if (json is not null)
            OptionsJson.Apply(options, json, path!);
        foreach ((OptionSpec spec, object value) in typed)
            spec.Set(options, value);
        given.UnionWith(typed.Keys);
        return problems.Count == 0 ? given : throw new OptionException(problems);
    }

    static Option<bool> Flag(string name) => new(name) { Arity = ArgumentArity.Zero };

    // All values are read as texts, so that one parser words all messages; repeating an option is allowed, the last one counts.
    static Option<string[]> Texts(string name, bool several) =>
        new(name) { Arity = new ArgumentArity(1, 1000), AllowMultipleArgumentsPerToken = several };

    Dictionary<OptionSpec, object> Typed(ParseResult parsed, List<OptionProblem> problems)
    {
        Dictionary<OptionSpec, object> typed = [];
        foreach (OptionSpec spec in table.Specs)
        {
            OptionResult? result = parsed.GetResult(options[spec]);
            bool isGiven = result is { Implicit: false };
            if (spec.Kind == OptionKind.Switch)
            {
                bool isNegated = parsed.GetResult(negations[spec]) is { Implicit: false };
                if (isGiven && isNegated)
                    problems.Add(new OptionProblem(spec.Flag, $"is given together with --no-{spec.Name}."));
                else if (isGiven || isNegated)
                    typed.Add(spec, isGiven);
            }
            else if (isGiven)
            {
                try
                {
                    typed.Add(spec, OptionValue.Parse(spec, result!.Tokens.Select(t => t.Value).ToArray()));
                }
                catch (OptionException e)
                {
                    problems.AddRange(e.Problems);
                }
            }
        }
        return typed;
    }

    static string ReadConfig(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new OptionException(new OptionProblem("--config", $"cannot read '{path}': {e.Message}"));
        }
    }
}
