namespace PerturbedForgetting.Training.Updates;

/// <summary>The place of a mini-batch among those whose gradients are accumulated for one update.</summary>
/// <param name="IsFirst">Whether the batch opens a window.</param>
/// <param name="IsLast">Whether an update follows it.</param>
/// <param name="Divisor">Batches in its window: the last window of an epoch may be shorter, and is a mean over its own batches.</param>
public readonly record struct UpdateWindow(bool IsFirst, bool IsLast, int Divisor)
{
    /// <param name="batch">Number of the batch in its epoch, from 0.</param>
    /// <param name="batchesPerEpoch">Batches of the epoch.</param>
    /// <param name="accumulationSteps">Batches of a whole window.</param>
    public static UpdateWindow At(int batch, int batchesPerEpoch, int accumulationSteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(accumulationSteps, 1);
        if (batch < 0 || batch >= batchesPerEpoch)
            throw new ArgumentOutOfRangeException(nameof(batch), $"There is no batch {batch} in an epoch of {batchesPerEpoch}.");
        int rest = batchesPerEpoch % accumulationSteps;
        return new(
            batch % accumulationSteps == 0,
            batch == batchesPerEpoch - 1 || (batch + 1) % accumulationSteps == 0,
            batch >= batchesPerEpoch - rest ? rest : accumulationSteps);
    }

    /// <summary>Updates in an epoch: ⌈batches / accumulation⌉.</summary>
    public static int PerEpoch(int batchesPerEpoch, int accumulationSteps) =>
        (int)(((long)batchesPerEpoch + accumulationSteps - 1) / accumulationSteps);
}
