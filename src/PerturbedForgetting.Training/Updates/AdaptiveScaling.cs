using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// The normalisation operator of ASAM (Kwon et al., "ASAM: adaptive sharpness-aware minimization for scale-invariant learning of deep
/// neural networks", ICML 2021, section 4) where it is more than |w|: T = |w| + η for the parameters that are scaled, and 1 for the others.
/// Keeps three buffers of the arena's size.
/// </summary>
sealed class AdaptiveScaling : IDisposable
{
    readonly MultiTensorLayout layout;
    readonly MultiTensorLayout? scaledAlone;
    readonly Tensor ones, operators, product, addEta, takeSecond;

    /// <param name="layout">The parameters that are perturbed.</param>
    /// <param name="eta">η, 0 or more.</param>
    /// <param name="scaled">Which of them are scaled.</param>
    public AdaptiveScaling(MultiTensorLayout layout, double eta, AsamParameters scaled)
    {
        this.layout = layout;
        var arena = layout.Arena;
        (ones, operators, product) = (arena.NewBuffer().Fill(1), arena.NewBuffer().Fill(1), arena.NewBuffer());
        if (scaled == AsamParameters.Weight)
            scaledAlone = new MultiTensorLayout(arena, includes: static s => s.Name == "weight" || s.Name.EndsWith(".weight",
                StringComparison.Ordinal));
        var device = ones.Device;
        addEta = Tensor.Persistent([2], DType.Float64, device).CopyFrom<double>([eta, 1]);
        takeSecond = Tensor.Persistent([2], DType.Float64, device).CopyFrom<double>([0, 1]);
    }

    /// <summary>Makes T of these weights.</summary>
    public void Follow(Tensor weights) => MultiTensorOps.Combine(scaledAlone ?? layout,
        new(ones, ones, Weighting.Magnitude, addEta), 1, accumulate: false, operators, weights);

    /// <summary>result = Σ (Tᵏ·d)², float64[1].</summary>
    public void SquaredNorm(Tensor d, Weighting power, Tensor result) =>
        MultiTensorOps.SquaredNorm(layout, d, power, result, operators);

    /// <summary>Tᵏ·d in a buffer that the next call overwrites; 0 for parameters that are not perturbed.</summary>
    public Tensor Scaled(Tensor d, Weighting power)
    {
        MultiTensorOps.Combine(layout, new(d, d, power, takeSecond), 1, accumulate: false, product, operators);
        return product;
    }

    public void Dispose()
    {
        foreach (var buffer in (ReadOnlySpan<Tensor>)[ones, operators, product])
            layout.Arena.Free(buffer);
        scaledAlone?.Dispose();
        addEta.Dispose();
        takeSecond.Dispose();
    }
}
