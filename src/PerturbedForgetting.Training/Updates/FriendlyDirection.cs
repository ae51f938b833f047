using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Friendly SAM (Li et al., "Friendly sharpness-aware minimization", CVPR 2024): the gradient g of a chunk without what it
/// has in common with those before. m = λ·m + (1 - λ)·g estimates the gradient of all data, from m = 0; the direction is g - σ·m. Keeps m
/// and a buffer for the direction.
/// </summary>
sealed class FriendlyDirection : Direction
{
    readonly MultiTensorLayout layout;
    readonly Tensor momentum, direction, share, coefficients;

    /// <param name="layout">The parameters that are perturbed.</param>
    /// <param name="sigma">σ, 0 or more.</param>
    /// <param name="lambda">λ in [0, 1].</param>
    public FriendlyDirection(MultiTensorLayout layout, double sigma, double lambda)
    {
        this.layout = layout;
        (momentum, direction) = (layout.Arena.NewBuffer(), layout.Arena.NewBuffer());
        var device = momentum.Device;
        share = Tensor.Persistent([1], DType.Float64, device).Fill(1 - lambda);
        coefficients = Tensor.Persistent([2], DType.Float64, device).CopyFrom<double>([1, -sigma]);
        State = [("friendly_momentum", momentum)];
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    public override Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer)
    {
        pass.Gradient(images, labels, buffer);
        MultiTensorOps.Lerp(layout, momentum, buffer, share);
        MultiTensorOps.Combine(layout, new(buffer, momentum, Weighting.None, coefficients), 1, accumulate: false, direction);
        return direction;
    }

    public override void Dispose()
    {
        layout.Arena.Free(momentum);
        layout.Arena.Free(direction);
        share.Dispose();
        coefficients.Dispose();
    }
}
