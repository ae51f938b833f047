using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>Runs command lines in this process, with a stand-in for the work.</summary>
sealed class CliHarness
{
    readonly StringWriter output = new();
    readonly StringWriter error = new();

    /// <summary>Columns of the terminal.</summary>
    public int Width { get; init; } = 100;

    /// <summary>What train does.</summary>
    public Action<TrainOptions, RunContext> Train { get; init; } = (_, _) => { };

    /// <summary>What validate does.</summary>
    public Func<ValidateOptions, string> Validate { get; init; } =
        o => o.ValidateHessian ? $"{{\"{DominantEigenvalue.Key}\":4.5}}" : "{}";

    /// <summary>What data check does.</summary>
    public Func<TrainOptions, RunContext, IReadOnlyList<DatasetReport>> CheckData { get; init; } = (_, _) => [];

    /// <summary>The options train was called with; null when it was not.</summary>
    public TrainOptions? Trained { get; private set; }

    public ValidateOptions? Validated { get; private set; }

    public TrainOptions? Checked { get; private set; }

    public RunContext? Context { get; private set; }

    /// <summary>Signals reach the command through this while it runs.</summary>
    public Interruption? Interruption { get; private set; }

    public string Output => output.ToString();

    public string Error => error.ToString();

    public int Run(params string[] args)
    {
        CommandHandlers handlers = new(
            (o, c) =>
            {
                (Trained, Context) = (o, c);
                Train(o, c);
                return ("{}", "run");
            },
            (o, c) =>
            {
                (Validated, Context) = (o, c);
                return Validate(o);
            },
            (o, c) =>
            {
                (Checked, Context) = (o, c);
                return CheckData(o, c);
            });
        Terminal terminal = new(output, error, IsInteractive: false, Width)
        {
            Listen = error => Interruption = new Interruption(error, _ => { }),
        };
        return new CommandLineApp(handlers, terminal).Run(args);
    }
}
