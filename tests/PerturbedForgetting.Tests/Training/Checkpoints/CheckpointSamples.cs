using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Checkpoints;

/// <summary>Small checkpoints without a model.</summary>
static class CheckpointSamples
{
    public static EpochRecord Epoch(int epoch, double top1 = 50, double loss = 1) => new()
    {
        Epoch = epoch,
        LearningRate = 0.1,
        Rho = 0.05,
        Train = new(1.5, -1.25, 1.75, 1.125),
        Validation = new(loss, top1, 90),
        Seconds = 2,
        ImagesPerSecond = 100,
        PeakBytes = 1 << 20,
    };

    public static TrainingState State(int epoch = 0, int batch = 0, long update = 0, DateTimeOffset? written = null) => new()
    {
        Format = TrainingState.CurrentFormat,
        Written = written ?? DateTimeOffset.UnixEpoch.AddSeconds(update),
        Epoch = epoch,
        Batch = batch,
        Progress = new StepProgress(update, update, 0, long.MaxValue, IsWindowOpen: batch > 0),
        DropoutCalls = [ulong.MaxValue],
        TrainingImages = 100,
        LastLearningRate = 0.1,
        LastRho = double.NaN,
        Sums = new EpochSums { Loss = 1.0 / 3, Samples = 7 },
        Epochs = Enumerable.Range(0, epoch).Select(e => Epoch(e, double.NaN)).ToArray(),
        Kept = [new(0, 0.1)],
        Logs = [new("log.jsonl", 5_000_000_000)],
        Info = new ModelInfo { Model = "resnet20", Classes = ["chat", "犬"], Options = new JsonObject { ["lr"] = 0.1 } },
    };

    /// <summary>Writes a checkpoint whose only weight has a given value.</summary>
    public static void Save(string path, TrainingState state, float weight) => CheckpointFiles.Save(path, state,
        writer => writer.Add<float>("w", SafetensorsDType.F32, [2], new[] { weight, 2f }),
        writer => writer.Add<float>("momentum_buffer/w", SafetensorsDType.F32, [2], new[] { weight, 4f }));

    public static float Weight(ResumableCheckpoint checkpoint)
    {
        float[] values = new float[2];
        checkpoint.Model.Entry("w").ReadFloat32(values);
        return values[0];
    }
}
