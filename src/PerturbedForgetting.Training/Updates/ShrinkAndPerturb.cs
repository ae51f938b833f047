using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Shrink and perturb (Ash and Adams, "On warm-starting neural network training", NeurIPS 2020) towards the initial state: before an
/// update every entry s of the state dictionary becomes f·s₀ + (1-f)·s. That includes running statistics; integer counters are
/// truncated. Momentum and moments are left alone, and so are frozen parameters.
/// </summary>
sealed class ShrinkAndPerturb : IDisposable
{
    readonly MultiTensorLayout layout;
    readonly Tensor weights;
    readonly BufferSnapshot buffers;

    /// <summary>Keeps the state as it is now.</summary>
    public ShrinkAndPerturb(MultiTensorLayout layout)
    {
        this.layout = layout;
        weights = layout.Arena.NewBuffer().CopyFrom(layout.Arena.Weights);
        buffers = new BufferSnapshot(layout.Arena.Buffers);
    }

    /// <param name="factor">f, float64[1].</param>
    public void Apply(Tensor factor)
    {
        MultiTensorOps.Lerp(layout, layout.Arena.Weights, weights, factor);
        buffers.Lerp(factor);
    }

    public void Dispose() => buffers.Dispose();
}
