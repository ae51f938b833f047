namespace PerturbedForgetting.Training.Progress;

/// <summary>Ignores everything.</summary>
public sealed class NullObserver : ITrainingObserver
{
    /// <summary>The one instance.</summary>
    public static NullObserver Instance { get; } = new();

    /// <inheritdoc/>
    public void EpochStarted(in EpochStart epoch)
    {
    }

    /// <inheritdoc/>
    public void UpdateDone(in UpdateProgress update)
    {
    }

    /// <inheritdoc/>
    public void ValidationProgress(in EvaluationProgress progress)
    {
    }

    /// <inheritdoc/>
    public void EpochEnded(in EpochResult result)
    {
    }

    /// <inheritdoc/>
    public void CheckpointWritten(in CheckpointInfo checkpoint)
    {
    }

    /// <inheritdoc/>
    public void Message(MessageLevel level, string text)
    {
    }
}
