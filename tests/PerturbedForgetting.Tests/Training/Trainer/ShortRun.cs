using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Runs of a very small network on a few drawn images.</summary>
static class ShortRun
{
    /// <summary>Two epochs of seven batches, two batches an update, on a ResNet of one block a stage.</summary>
    public static TrainOptions Options(string output, string experiment = "run") => new()
    {
        Dataset = "builtin/shapes:train=56,val=20,size=16",
        Model = "resnet20",
        ModelKwargs = new Dictionary<string, object?> { ["layers"] = new object?[] { 1L, 1L, 1L } },
        ImgSize = 16,
        BatchSize = 8,
        GradAccumSteps = 2,
        ValidationBatchSize = 16,
        Workers = 0,
        Epochs = 2,
        WarmupEpochs = 1,
        Lr = 0.1,
        Output = output,
        Experiment = experiment,
    };

    public static TrainOptions Transformer(string output, string experiment = "run") => Options(output, experiment) with
    {
        Model = "vit_tiny_patch4_32",
        ModelKwargs = new Dictionary<string, object?> { ["embed_dim"] = 16L, ["depth"] = 1L, ["num_heads"] = 2L },
    };

    /// <summary>Trains, stopping after the given number of batches of this call if there is one.</summary>
    public static TrainResult Train(TrainOptions options, RecordingObserver? observer = null, int? stopAfter = null)
    {
        using var source = new CancellationTokenSource();
        int batches = 0;
        return PerturbedForgetting.Training.Trainer.Train(options, observer
            ?? new RecordingObserver(), source.Token, given: null, World.Alone, _ =>
        {
            if (++batches == stopAfter)
                source.Cancel();
        }).Result;
    }

    /// <summary>SHA-256 over names and bytes of all tensors of a checkpoint, model and training state.</summary>
    public static string Hash(string checkpoint)
    {
        using var files = CheckpointFiles.OpenForResume(checkpoint);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in (SafetensorsFile[])[files.Model, files.StateTensors])
        {
            foreach (string name in file.Names)
            {
                byte[] bytes = new byte[file.Entry(name).ByteLength];
                file.Entry(name).Read(bytes);
                hash.AppendData(Encoding.UTF8.GetBytes(name));
                hash.AppendData(bytes);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
