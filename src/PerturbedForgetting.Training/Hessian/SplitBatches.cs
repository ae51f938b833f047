using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The images of a loader, prepared as in evaluation.</summary>
/// <param name="input">Brings them to the device; the caller disposes it.</param>
/// <param name="loader">Delivers every image once, and the same in every epoch; the caller disposes it.</param>
sealed class SplitBatches(BatchInput input, ImageLoader loader) : ILossBatches
{
    /// <inheritdoc/>
    public long Images => loader.ImagesPerEpoch;

    /// <inheritdoc/>
    public IEnumerable<(Tensor Images, Tensor Labels)> Read(CancellationToken stop)
    {
        foreach (var batch in input.Epoch(loader, 0, stop: stop))
            yield return (batch.Images, batch.Labels);
    }
}
