using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Remembers what a run says, and may act on updates.</summary>
sealed class RecordingObserver : ITrainingObserver
{
    public List<string> Messages { get; } = [];

    public List<UpdateProgress> Updates { get; } = [];

    public List<EpochResult> Epochs { get; } = [];

    public List<string> Checkpoints { get; } = [];

    public Action<UpdateProgress>? OnUpdate { get; init; }

    public Action<string>? OnMessage { get; init; }

    public void EpochStarted(in EpochStart epoch)
    {
    }

    public void UpdateDone(in UpdateProgress update)
    {
        Updates.Add(update);
        OnUpdate?.Invoke(update);
    }

    public void ValidationProgress(in EvaluationProgress progress)
    {
    }

    public void EpochEnded(in EpochResult result) => Epochs.Add(result);

    public void CheckpointWritten(in CheckpointInfo checkpoint) => Checkpoints.Add(Path.GetFileName(checkpoint.Path));

    public void Message(MessageLevel level, string text)
    {
        Messages.Add(text);
        OnMessage?.Invoke(text);
    }
}
