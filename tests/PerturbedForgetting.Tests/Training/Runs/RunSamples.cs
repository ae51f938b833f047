using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Tests.Training.Runs;

/// <summary>Folders of runs that nobody trained.</summary>
static class RunSamples
{
    /// <summary>Writes what a run writes at the end of an epoch, without checkpoints.</summary>
    public static string Write(string folder, TrainOptions options, IReadOnlyList<EpochRecord> epochs)
    {
        Directory.CreateDirectory(folder);
        RunFolder.WriteOptions(folder, options);
        SummaryCsv.Write(Path.Combine(folder, "summary.csv"), epochs);
        AtomicFile.WriteText(Path.Combine(folder, "results.json"), ResultsJson.Build(epochs, options.EvalMetric));
        return folder;
    }
}
