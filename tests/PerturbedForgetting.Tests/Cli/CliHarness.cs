using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>Runs command lines in this process, with a stand-in for the work.</summary>
internal sealed class CliHarness
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    /// <summary>What train does.</summary>
    public Action<TrainOptions, RunContext> Train { get; init; } = (_, _) => { };

    /// <summary>The options train was called with; null when it was not.</summary>
    public TrainOptions? Trained { get; private set; }

    public ValidateOptions? Validated { get; private set; }

    public TrainOptions? Checked { get; private set; }

    public RunContext? Context { get; private set; }

    public string Output => _output.ToString();

    public string Error => _error.ToString();

    public int Run(params string[] args)
    {
        CommandHandlers handlers = new(
            (o, c) =>
            {
                (Trained, Context) = (o, c);
                Train(o, c);
            },
            (o, c) => (Validated, Context) = (o, c),
            (o, c) =>
            {
                (Checked, Context) = (o, c);
                return ExitCodes.BadData;
            });
        return new CommandLineApp(handlers, new Terminal(_output, _error, IsInteractive: false, Width: 100)).Run(args);
    }
}
