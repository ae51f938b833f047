using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Runs;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Cli;

/// <summary>Turns an exception into a message and an exit code; a user never sees a stack trace.</summary>
static class Failures
{
    /// <summary>The exit code of an exception, and how its message begins.</summary>
    public static (int ExitCode, string Prefix) Classify(Exception exception) => exception switch
    {
        OptionException or ModelOptionException or EnvironmentVariableException => (ExitCodes.WrongOption, "error"),
        DisagreementException or DatasetException { WrongOption: true } => (ExitCodes.WrongOption, "error"),
        DatasetException or WeightsException or ImageDecodeException or CheckpointException or PretrainedException
            or RunException =>
            (ExitCodes.BadData, "bad data"),
        NotFiniteException => (ExitCodes.NotFinite, "stopped"),
        CommunicationException => (ExitCodes.ProcessGone, "stopped"),
        FileNotFoundException or DirectoryNotFoundException or PathTooLongException => (ExitCodes.BadData, "not found"),
        IOException or UnauthorizedAccessException => (ExitCodes.Failure, "error"),
        DeviceException { InnerException: { } cause } => Classify(cause),
        OutOfMemoryException or CudaException { Result: CudaResult.OutOfMemory } => (ExitCodes.Device, "out of memory"),
        CudaException or CudaLibraryException or DeviceException or DeviceLimitException => (ExitCodes.Device, "device"),
        _ => (ExitCodes.Failure, $"internal error ({exception.GetType().Name})"),
    };

    static readonly string SmallerSteps = $" Use a smaller {RunOptions.BatchSizeOption} with a larger {TrainOptions.GradAccumStepsOption}, "
        + $"a smaller {TrainOptions.SharpnessMOption}, or a smaller {RunOptions.ImgSizeOption}.";

    static readonly string OtherImages = $". {RunOptions.BadImagesOption} skip goes on without such images; "
        + "'perturbed-forgetting data check' lists all of them.";

    /// <summary>What a person can do about it, where the message does not say so.</summary>
    static string Advice(Exception exception) =>
        IsOutOfMemory(exception) ? SmallerSteps : exception is ImageDecodeException ? OtherImages : "";

    static bool IsOutOfMemory(Exception exception) =>
        exception is OutOfMemoryException or DeviceException { InnerException: OutOfMemoryException };

    /// <summary>Writes the message and returns the exit code.</summary>
    /// <param name="exception">What went wrong.</param>
    /// <param name="error">Where the message goes.</param>
    /// <param name="table">The options of the command.</param>
    public static int Report(Exception exception, TextWriter error, OptionTable? table = null)
    {
        // One failed worker says more than "one or more errors occurred", and what failed more than what could not begin for it.
        while (exception is AggregateException { InnerExceptions.Count: 1 }
            or System.Reflection.TargetInvocationException { InnerException: not null }
            or TypeInitializationException { InnerException: not null })
            exception = exception.InnerException!;
        (int exitCode, string prefix) = Classify(exception);
        if (exception is OptionException options)
        {
            foreach (OptionProblem problem in options.Problems)
                error.WriteLine($"{prefix}: {problem}");
        }
        else
            error.WriteLine($"{prefix}: {ParameterNames.Translate(exception.Message, table)}{Advice(exception)}");
        return exitCode;
    }
}
