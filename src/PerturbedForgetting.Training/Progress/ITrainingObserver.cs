using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Progress;

/// <summary>
/// Receives what happens in a run: a progress bar, a log, a test. All calls come from the training thread, in order; an
/// implementation must return quickly, because training waits for it.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>An epoch begins (or goes on after a resume).</summary>
    void EpochStarted(in EpochStart epoch);

    /// <summary>An optimizer update was made; on a device whose numbers are read now and then only, the last of several.</summary>
    void UpdateDone(in UpdateProgress update);

    /// <summary>A batch of the validation set was evaluated; on a device whose numbers are read now and then only, the last of
    /// several.</summary>
    void ValidationProgress(in EvaluationProgress progress);

    /// <summary>An epoch is over, its validation included.</summary>
    void EpochEnded(in EpochResult result);

    /// <summary>A checkpoint is on the disk.</summary>
    void CheckpointWritten(in CheckpointInfo checkpoint);

    /// <summary>Something a person should read.</summary>
    void Message(MessageLevel level, string text);
}

/// <summary>How much a message matters.</summary>
public enum MessageLevel
{
    /// <summary>What is being done.</summary>
    Info,

    /// <summary>Something was skipped, changed or has no effect.</summary>
    Warning,
}

/// <summary>Where an epoch begins.</summary>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="Epochs">Epochs of the whole run.</param>
/// <param name="FirstUpdate">Update of this epoch that comes first; not 0 after a resume in the middle of an epoch.</param>
/// <param name="UpdatesPerEpoch">Optimizer updates in a whole epoch.</param>
/// <param name="ImagesPerEpoch">Training images in a whole epoch.</param>
public readonly record struct EpochStart(int Epoch, int Epochs, int FirstUpdate, int UpdatesPerEpoch, long ImagesPerEpoch);

/// <summary>The numbers of one optimizer update.</summary>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="Update">Updates done in this epoch, this one included (1 to <paramref name="UpdatesPerEpoch"/>).</param>
/// <param name="UpdatesPerEpoch">Optimizer updates in a whole epoch.</param>
/// <param name="Images">Images that went into the updates since the report before.</param>
/// <param name="Loss">Training loss of the update's last micro-batch, at the perturbed weights for SAM.</param>
/// <param name="PerturbLoss">Perturbation loss at the clean weights: the objective that the perturbation maximises, with its sign
/// reversed; the loss without SAM.</param>
/// <param name="AverageLoss">Average training loss of the epoch so far.</param>
/// <param name="AveragePerturbLoss">Average perturbation loss of the epoch so far.</param>
/// <param name="LearningRate">Learning rate of this update.</param>
/// <param name="Rho">Perturbation radius of this update; 0 without SAM.</param>
/// <param name="GradientNorm">Norm of the gradient before clipping; NaN when it was not computed.</param>
/// <param name="StepSeconds">Wall-clock time of the updates since the report before, data included.</param>
/// <param name="DataSeconds">Part of it spent waiting for images.</param>
/// <param name="SkippedUpdates">Updates skipped so far because a loss or gradient was not finite.</param>
/// <param name="Updates">Updates since the report before.</param>
/// <param name="Norms">Norms of this update; null where nobody asked for them.</param>
public readonly record struct UpdateProgress(
    int Epoch,
    int Update,
    int UpdatesPerEpoch,
    int Images,
    double Loss,
    double PerturbLoss,
    double AverageLoss,
    double AveragePerturbLoss,
    double LearningRate,
    double Rho,
    double GradientNorm,
    double StepSeconds,
    double DataSeconds,
    int SkippedUpdates,
    int Updates = 1,
    UpdateNorms? Norms = null);

/// <summary>How far an evaluation is.</summary>
/// <param name="Batch">Batches done.</param>
/// <param name="Batches">Batches in all.</param>
/// <param name="Images">Images evaluated so far.</param>
/// <param name="Loss">Average loss so far.</param>
/// <param name="Top1">Top-1 accuracy so far, in percent.</param>
/// <param name="Top5">Top-5 accuracy so far, in percent.</param>
/// <param name="BatchSeconds">Wall-clock time of the batches since the report before, data included.</param>
/// <param name="BatchesSince">Batches since the report before.</param>
public readonly record struct EvaluationProgress(int Batch, int Batches, long Images, double Loss, double Top1, double Top5,
    double BatchSeconds, int BatchesSince = 1);

/// <summary>The results of one epoch.</summary>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="Epochs">Epochs of the whole run.</param>
/// <param name="TrainLoss">Average training loss.</param>
/// <param name="TrainPerturbLoss">Average perturbation loss.</param>
/// <param name="ValidationLoss">Cross entropy on the validation set; NaN when it was not evaluated.</param>
/// <param name="Top1">Top-1 accuracy on the validation set, in percent; NaN when it was not evaluated.</param>
/// <param name="Top5">Top-5 accuracy on the validation set, in percent; NaN when it was not evaluated.</param>
/// <param name="LearningRate">Learning rate of the last update.</param>
/// <param name="Seconds">Wall-clock time of the epoch, validation included.</param>
/// <param name="ImagesPerSecond">Training images a second, validation not included.</param>
/// <param name="IsBest">Whether this is the best epoch so far by the chosen metric.</param>
public readonly record struct EpochResult(
    int Epoch,
    int Epochs,
    double TrainLoss,
    double TrainPerturbLoss,
    double ValidationLoss,
    double Top1,
    double Top5,
    double LearningRate,
    double Seconds,
    double ImagesPerSecond,
    bool IsBest);

/// <summary>A checkpoint that was written.</summary>
/// <param name="Path">The file.</param>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="Update">Updates of that epoch that it contains.</param>
/// <param name="IsRecovery">Whether it lies in the middle of an epoch.</param>
/// <param name="Bytes">Its size.</param>
public readonly record struct CheckpointInfo(string Path, int Epoch, int Update, bool IsRecovery, long Bytes);
