using System.CommandLine;
using PerturbedForgetting.Cli.Progress;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>What a command has to show at its end.</summary>
/// <param name="ExitCode">What the process returns.</param>
/// <param name="Text">All of it.</param>
/// <param name="Brief">In place of it for a person who watches, so that what was said before stays in sight; null is the text.</param>
sealed record CommandResult(int ExitCode, string Text, string? Brief = null);

/// <summary>A command whose options come from a table: binds and checks them, shows progress, listens to signals.</summary>
abstract class OptionCommand<T> : ICliCommand where T : RunOptions, new()
{
    OptionBinder? binder;

    public abstract CommandHelp Help { get; }

    /// <summary>Sets options before those of a file and those that were typed.</summary>
    /// <returns>Those that were set; they count as given.</returns>
    protected virtual IReadOnlyList<OptionSpec> Begin(ParseResult parsed, T options) => [];

    /// <summary>Changes defaults for a data set.</summary>
    protected virtual void Preset(T options, string dataset)
    {
    }

    /// <summary>Changes options that were not given, once all that were are known.</summary>
    protected virtual void Settle(T options, IReadOnlySet<OptionSpec> given)
    {
    }

    /// <summary>Checks the options before the command runs.</summary>
    /// <returns>What a person should know about them.</returns>
    protected virtual IReadOnlyList<OptionProblem> Check(T options) => options.RequireValid(Help.Table);

    /// <summary>Steps between two progress lines.</summary>
    protected abstract int LogInterval(T options);

    protected abstract CommandResult Run(T options, RunContext context);

    /// <summary>Takes what was typed behind the command beside options.</summary>
    protected virtual void Take(ParseResult parsed, T options)
    {
    }

    /// <summary>Whether the command writes its results to <see cref="RunContext.Output"/> while it runs, so that progress must go
    /// elsewhere.</summary>
    protected virtual bool StreamsOutput => false;

    public virtual void Configure(Command command) => binder = new OptionBinder(command, Help.Table!);

    public int Run(ParseResult parsed, Terminal terminal)
    {
        T options = new();
        IReadOnlyList<OptionSpec> begun = Begin(parsed, options);
        IReadOnlySet<OptionSpec> given = binder!.Bind(parsed, options, dataset => Preset(options, dataset));
        Take(parsed, options);
        Settle(options, given);
        given = given.Union(begun).ToHashSet();
        IReadOnlyList<OptionProblem> notes = Check(options);
        IProgressView view = ProgressViews.Create(
            StreamsOutput ? terminal with { Out = terminal.Error, IsInteractive = false } : terminal, LogInterval(options));
        using Interruption interruption = terminal.Listen(view is LiveProgressView ? new ViewWriter(view) : terminal.Error);
        CommandResult result = new(ExitCodes.Success, "");
        try
        {
            view.Run(() =>
            {
                foreach (OptionProblem note in notes)
                    view.Message(MessageLevel.Warning, note.ToString());
                result = Run(options, new RunContext(view, given, interruption.Token, terminal.Out));
            });
        }
        catch (OperationCanceledException) when (interruption.ExitCode != 0)
        {
            return interruption.ExitCode;
        }
        // Not before the view has left the screen.
        string text = (view is LiveProgressView ? result.Brief ?? result.Text : result.Text).TrimEnd();
        if (text.Length > 0)
            terminal.Out.WriteLine(text);
        return result.ExitCode;
    }
}
