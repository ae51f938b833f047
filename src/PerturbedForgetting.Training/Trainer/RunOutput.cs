using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Logs;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training;

/// <summary>What a run leaves in its folder: checkpoints, logs, tables and curves. Of several processes the first has it.</summary>
/// <param name="parts">What is trained.</param>
/// <param name="owned">The run directory.</param>
/// <param name="start">Where it begins.</param>
/// <param name="logs">What programs read of it while it goes on.</param>
/// <param name="observer">Receives what happens.</param>
sealed class RunOutput(RunParts parts, RunLock owned, RunPosition start, RunLogs logs, ITrainingObserver observer)
{
    readonly string folder = owned.Folder;

    /// <summary>The checkpoints.</summary>
    public CheckpointFolder Checkpoints { get; } = new(owned.Folder, parts.Options.EvalMetric, parts.Options.CheckpointHist, start);

    /// <summary>The logs.</summary>
    public RunLogs Logs => logs;

    /// <summary>The run directory.</summary>
    public string Folder => folder;

    /// <summary>The checkpoint written last, or that the run began with; none at first.</summary>
    public string? LastSaved { get; private set; } = start.Source;

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">Of its model file.</param>
    /// <param name="state">The position, without the lengths of the logs.</param>
    /// <param name="epoch">The epoch at hand, for the observer.</param>
    /// <param name="batch">The batch at hand, likewise.</param>
    /// <param name="isRecovery">Whether it is one within an epoch that goes on.</param>
    public void Save(string path, TrainingState state, int epoch, int batch, bool isRecovery)
    {
        if (!owned.IsThere)
        {
            owned.Renew();
            RunFolder.WriteOptions(folder, parts.Options);
            logs.Renew(epoch);
            observer.Message(MessageLevel.Warning, $"The folder '{folder}' was removed while the run was writing to it. It is made anew; "
                + "the checkpoints of earlier epochs are gone.");
        }
        CheckpointFiles.Save(path, state with { Logs = logs.Flush() }, writer => StateDict.Write(parts.Model, writer), writer =>
        {
            StepTensors.Write(parts.Step, writer);
            parts.OfRanks(state.AreStatisticsShared).Write(writer);
        });
        LastSaved = path;
        observer.CheckpointWritten(new(path, epoch, UpdateWindow.PerEpoch(batch, parts.Options.GradAccumSteps), isRecovery,
            new FileInfo(path).Length));
    }

    /// <summary>Writes the tables of the epochs.</summary>
    public void WriteTables(IReadOnlyList<EpochRecord> epochs)
    {
        SummaryCsv.Write(Path.Combine(folder, "summary.csv"), epochs);
        AtomicFile.WriteText(Path.Combine(folder, "results.json"), ResultsJson.Build(epochs, parts.Options.EvalMetric));
    }

    /// <summary>Draws the curves of the epochs.</summary>
    public void DrawCurves(IReadOnlyList<EpochRecord> epochs)
    {
        if (epochs.Count == 0)
            return;
        try
        {
            CurvesPlot.Write(Path.Combine(folder, "curves.png"), Path.GetFileName(folder), epochs);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            observer.Message(MessageLevel.Warning, $"No curves.png, because the drawing library cannot be loaded here: {e.Message}");
        }
    }
}
