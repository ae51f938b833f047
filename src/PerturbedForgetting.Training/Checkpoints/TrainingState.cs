using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>What a model file says about itself, so that it can be evaluated without repeating the options it was trained with.</summary>
public sealed record ModelInfo
{
    /// <summary>Name in the model registry.</summary>
    public required string Model { get; init; }

    /// <summary>Class names, index by index.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The effective options of the run, by their command-line names.</summary>
    public required JsonObject Options { get; init; }

    /// <summary>How the run prepared the images of its evaluations; null in files of older versions.</summary>
    public ImagePreparation? Images { get; init; }

    /// <summary>What the run measured with these weights; null within an epoch, and in files of older versions.</summary>
    public TrainedEvaluation? Evaluation { get; init; }
}

/// <summary>Sums behind the epoch's averages, of the part of the epoch that has been trained.</summary>
public sealed record EpochSums
{
    /// <summary>Sum over samples of the loss as the reference reports it.</summary>
    public double Loss { get; init; }

    /// <summary>Sum over samples of the perturbation's loss as the reference reports it.</summary>
    public double PerturbLoss { get; init; }

    /// <summary>Samples in those sums.</summary>
    public long Samples { get; init; }

    /// <summary>Sum over all samples of the loss.</summary>
    public double MeanLoss { get; init; }

    /// <summary>Sum over all samples of the perturbation's loss, with the same sign.</summary>
    public double MeanPerturbLoss { get; init; }

    /// <summary>Samples in those sums.</summary>
    public long MeanSamples { get; init; }

    /// <summary>Samples trained, also those whose loss was not finite.</summary>
    public long Images { get; init; }

    /// <summary>Seconds spent in the training batches.</summary>
    public double Seconds { get; init; }

    /// <summary>Updates skipped because a number was not finite.</summary>
    public int Skipped { get; init; }
}

/// <summary>One of the best epochs whose checkpoint is kept.</summary>
/// <param name="Epoch">Its number.</param>
/// <param name="Value">Its value of the evaluation metric.</param>
public sealed record KeptEpoch(int Epoch, double Value);

/// <summary>A log of the run as it was when the checkpoint was written.</summary>
/// <param name="Name">Name of the file.</param>
/// <param name="Length">Its bytes.</param>
public sealed record LogLength(string Name, long Length);

/// <summary>Everything besides tensors that a run needs to continue as if it had never stopped.</summary>
public sealed record TrainingState
{
    /// <summary>The format this program writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Version of the format.</summary>
    public required int Format { get; init; }

    /// <summary>When it was written, by a clock that may have been set back: <see cref="Position"/> says which checkpoint is
    /// newer.</summary>
    public required DateTimeOffset Written { get; init; }

    /// <summary>Names the run: drawn when it begins, and kept when it is continued in its folder.</summary>
    // What is absent in the file of an older version is set to null.
    public string Run { get; init => field = value ?? ""; } = "";

    /// <summary>How often the run was continued from an earlier position than it had reached.</summary>
    public int Restarts { get; init; }

    /// <summary>Whether the run ends with the comparison that the quick start makes.</summary>
    public bool Compares { get; init; }

    /// <summary>The epoch that goes on, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Batches of that epoch that have been trained.</summary>
    public required int Batch { get; init; }

    /// <summary>Counters of the training step: position in the schedule, optimiser steps, random directions drawn.</summary>
    public required StepProgress Progress { get; init; }

    /// <summary>Masks drawn from each dropout stream of the model.</summary>
    public required IReadOnlyList<ulong> DropoutCalls { get; init; }

    /// <summary>Images of the training set, on which the cursor depends.</summary>
    public required int TrainingImages { get; init; }

    /// <summary>Processes that trained together.</summary>
    public int Ranks { get; init => field = Math.Max(value, 1); } = 1;

    /// <summary>Whether their running statistics are the same, because the epoch's end has made them so.</summary>
    public bool AreStatisticsShared { get; init; }

    /// <summary>The epoch's averages so far.</summary>
    public required EpochSums Sums { get; init; }

    /// <summary>Learning rate of the last update.</summary>
    public required double LastLearningRate { get; init; }

    /// <summary>Radius of the last perturbation.</summary>
    public required double LastRho { get; init; }

    /// <summary>Norms of the last update; null without <c>--log-norms</c>.</summary>
    public UpdateNorms? LastNorms { get; init; }

    /// <summary>All finished epochs of the run.</summary>
    public required IReadOnlyList<EpochRecord> Epochs { get; init; }

    /// <summary>Epochs whose checkpoints are kept, best first.</summary>
    public required IReadOnlyList<KeptEpoch> Kept { get; init; }

    /// <summary>Logs that the run had written.</summary>
    public IReadOnlyList<LogLength> Logs { get; init => field = value ?? []; } = [];

    /// <summary>Model, classes and options.</summary>
    public required ModelInfo Info { get; init; }

    /// <summary>Orders the checkpoints of a run: of two the later one is greater.</summary>
    [JsonIgnore]
    public (int Restarts, int Epoch, int Batch) Position => (Restarts, Epoch, Batch);
}

/// <summary>Converts the records of a checkpoint to and from JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TrainingState))]
[JsonSerializable(typeof(ModelInfo))]
sealed partial class CheckpointJson : JsonSerializerContext
{
    /// <summary>Reads a state and checks that it can be one.</summary>
    /// <exception cref="JsonException">It cannot.</exception>
    public static TrainingState ParseState(string text) => OfText(text, ReadState);

    /// <summary>Half a character is no text, and shows only where it is made one.</summary>
    static T OfText<T>(string text, Func<string, T> read)
    {
        try
        {
            return read(text);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e);
        }
    }

    static TrainingState ReadState(string text)
    {
        using (var document = JsonDocument.Parse(text))
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("format", out var format)
                && !(format.ValueKind == JsonValueKind.Number && format.TryGetInt32(out int version)
                    && version == Checkpoints.TrainingState.CurrentFormat))
            {
                throw new JsonException($"its format is {format} and this program reads format "
                    + $"{Checkpoints.TrainingState.CurrentFormat}; use the program's version that wrote it");
            }
        var state = JsonSerializer.Deserialize(text, Default.TrainingState) ?? throw new JsonException("the state is null");
        if (state.Epochs.Any(e => e is null) || state.Kept.Any(k => k is null) || state.Logs.Any(l => l is null))
            throw new JsonException("an epoch or a log is null");
        if (state.Epoch < 0 || state.Batch < 0 || state.Restarts < 0 || state.Progress is { Updates: < 0 } or { OptimizerSteps: < 0 }
            or { Skipped: < 0 } or { NoiseCalls: < 0 })
            throw new JsonException("a counter is negative");
        Check(state.Info);
        return state;
    }

    /// <summary>Reads what a model file says about itself.</summary>
    /// <exception cref="JsonException">It is malformed.</exception>
    public static ModelInfo ParseInfo(string text) => OfText(text, static text =>
        Check(JsonSerializer.Deserialize(text, Default.ModelInfo) ?? throw new JsonException("the description is null")));

    static ModelInfo Check(ModelInfo info)
    {
        if (info.Classes.Any(c => c is null))
            throw new JsonException("a class has no name");
        if (info.Images?.Defect() is { } defect)
            throw new JsonException($"its preparation of images: {defect}");
        // Names and texts in it are made only now.
        info.Options.ToJsonString();
        return info;
    }
}
