using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The first images of others.</summary>
/// <param name="all">In the same order each time.</param>
/// <param name="images">How many of them.</param>
sealed class LimitedBatches(ILossBatches all, long images) : ILossBatches
{
    /// <inheritdoc/>
    public long Images => Math.Min(images, all.Images);

    /// <inheritdoc/>
    public IEnumerable<(Tensor Images, Tensor Labels)> Read(CancellationToken stop)
    {
        long left = Images;
        foreach (var (pixels, labels) in all.Read(stop))
        {
            int count = pixels.Shape[0];
            yield return count <= left ? (pixels, labels) : (pixels.Rows(0, (int)left), labels.Rows(0, (int)left));
            left -= count;
            if (left <= 0)
                yield break;
        }
    }
}
