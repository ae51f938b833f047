using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>What a run gets from the command line beside its options.</summary>
/// <param name="Observer">Shows progress.</param>
/// <param name="Given">The options a user gave; the rest are defaults.</param>
/// <param name="Output">For results.</param>
/// <param name="Token">Cancelled when the run should stop after its step.</param>
internal sealed record RunContext(ITrainingObserver Observer, IReadOnlySet<OptionSpec> Given, TextWriter Output, CancellationToken Token);

/// <summary>The work behind the commands, apart so that tests can put something else there.</summary>
/// <param name="Train">Trains; checked options come in.</param>
/// <param name="Validate">Evaluates.</param>
/// <param name="CheckData">Reads a data set once; returns the exit code.</param>
internal sealed record CommandHandlers(
    Action<TrainOptions, RunContext> Train,
    Action<ValidateOptions, RunContext> Validate,
    Func<TrainOptions, RunContext, int> CheckData)
{
    /// <summary>The engine's own programs.</summary>
    public static CommandHandlers Default { get; } = new(
        static (_, _) => throw new NotSupportedException("this build has no trainer."),
        static (_, _) => throw new NotSupportedException("this build has no evaluation."),
        static (_, _) => throw new NotSupportedException("this build has no data check."));
}
