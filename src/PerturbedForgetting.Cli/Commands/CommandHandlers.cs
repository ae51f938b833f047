using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>What a run gets from the command line beside its options.</summary>
/// <param name="Observer">Shows progress.</param>
/// <param name="Given">The options a user gave; the rest are defaults.</param>
/// <param name="Token">Cancelled when the run should stop after its step; the work then throws
/// <see cref="OperationCanceledException"/>.</param>
/// <param name="Output">Receives results, of commands that write them while they run.</param>
sealed record RunContext(ITrainingObserver Observer, IReadOnlySet<OptionSpec> Given, CancellationToken Token, TextWriter Output)
{
    /// <summary>The processes that do it together.</summary>
    public World World { get; init; } = World.Alone;
}

/// <summary>The work behind the commands, apart so that tests can put something else there.</summary>
/// <param name="Train">Trains; returns the results as JSON, and the run's folder.</param>
/// <param name="Validate">Evaluates; returns the results as JSON.</param>
/// <param name="CheckData">Reads data sets once.</param>
sealed record CommandHandlers(
    Func<TrainOptions, RunContext, (string Json, string Folder)> Train,
    Func<ValidateOptions, RunContext, string> Validate,
    Func<TrainOptions, RunContext, IReadOnlyList<DatasetReport>> CheckData)
{
    /// <summary>The engine's own programs.</summary>
    public static CommandHandlers Default { get; } = new(
        static (options, context) =>
            Trainer.Run(options, context.Observer, context.Token, context.Given, context.World)
            is { Status: not TrainStatus.Interrupted } result
            ? (result.Json, result.Folder)
            : throw new OperationCanceledException(context.Token),
        static (options, context) => options.ValidateHessian
            ? HessianAnalyzer.Dominant(options, context.Observer, context.Token, context.Given).Json
            : Validator.RunChecked(options, context.Observer, context.Token, context.Given, context.World).Json,
        static (options, context) => DataCheck.Run(options, context.Observer, context.Token, context.World));
}
