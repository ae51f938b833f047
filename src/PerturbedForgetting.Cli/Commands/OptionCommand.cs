using System.CommandLine;
using System.Runtime.ExceptionServices;
using PerturbedForgetting.Cli.Processes;
using PerturbedForgetting.Cli.Progress;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes.Launching;
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
    /// <summary>How long processes wait for each other that can only say what is wrong with their options.</summary>
    static readonly TimeSpan waitToFail = TimeSpan.FromSeconds(60);

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

    /// <inheritdoc/>
    public bool MayRunTogether => RunsTogether(new T());

    public virtual void Configure(Command command) => binder = new OptionBinder(command, Help.Table!);

    /// <summary>Whether several processes do the work together with these options; otherwise it is done by one.</summary>
    protected virtual bool RunsTogether(T options) => false;

    public int Run(ParseResult parsed, Terminal terminal)
    {
        var launch = Launch.Here();
        // All but the first speak through it; and what a launcher passes on is no terminal, though it may look like one.
        bool isSilent = launch is { Rank: > 0 };
        if (launch is not null)
            terminal = terminal with { Out = isSilent ? TextWriter.Null : terminal.Out, IsInteractive = false };
        T options = new();
        var (given, notes, wrong) = Prepare(parsed, options, launch);
        IProgressView view = ProgressViews.Create(
            StreamsOutput ? terminal with { Out = terminal.Error, IsInteractive = false } : terminal, LogInterval(options));
        using Interruption interruption = terminal.Listen(isSilent ? TextWriter.Null
            : view is LiveProgressView ? new ViewWriter(view) : terminal.Error);
        using ProcessSession session = new(launch, wrong is null ? TimeSpan.FromSeconds(options.CommTimeout) : waitToFail, interruption,
            terminal.Error);
        CommandResult result = new(ExitCodes.Success, "");
        int? ended = session.Guard(() => view.Run(() =>
        {
            session.Join(launch is null ? ProcessSession.Count(options) : 1, view);
            if (wrong is not null)
                ExceptionDispatchInfo.Throw(wrong);
            session.Agree(Help.Name, options, Help.Table!);
            foreach (OptionProblem note in notes)
                view.Message(MessageLevel.Warning, note.ToString());
            result = Run(options, new RunContext(view, given, session.Token, terminal.Out) { World = session.World });
        }));
        if (ended is { } exitCode)
            return exitCode;
        // Not before the view has left the screen.
        string text = (view is LiveProgressView ? result.Brief ?? result.Text : result.Text).TrimEnd();
        if (text.Length > 0)
            terminal.Out.WriteLine(text);
        return result.ExitCode;
    }

    /// <summary>Binds and checks the options.</summary>
    /// <returns>Those that were given, what a person should know of them, and what is wrong where other processes wait to hear of
    /// it.</returns>
    (IReadOnlySet<OptionSpec> Given, IReadOnlyList<OptionProblem> Notes, OptionException? Wrong) Prepare(
        ParseResult parsed, T options, Launch? launch)
    {
        IReadOnlySet<OptionSpec> given = new HashSet<OptionSpec>();
        try
        {
            IReadOnlyList<OptionSpec> begun = Begin(parsed, options);
            given = binder!.Bind(parsed, options, dataset => Preset(options, dataset));
            Take(parsed, options);
            Settle(options, given);
            given = given.Union(begun).ToHashSet();
            if (options.UsesSeveralGpus && !RunsTogether(options))
            {
                throw new OptionException(new OptionProblem(RunOptions.GpusOption.Flag,
                    $"'{Help.Name}' is done by one process; leave the option out."));
            }
            IReadOnlyList<OptionProblem> notes = Check(options);
            return (given, launch is { IsOfFirst: false } && options.Gpus is not null
                ? [.. notes, new(RunOptions.GpusOption.Flag, $"not used: the processes were started by {launch.Title}.", IsError: false)]
                : notes, null);
        }
        catch (OptionException e) when (launch is not null && RunsTogether(options))
        {
            return (given, [], e);
        }
    }
}
