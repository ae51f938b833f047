using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Variance suppression, VaSSO (Li and Giannakis, "Enhancing sharpness-aware optimization through variance suppression", NeurIPS 2023):
/// the direction d = (1 - θ)·d + θ·g averages the gradients g of the chunks, from the first one on. Keeps d, and whether there was a first
/// one.
/// </summary>
sealed class VarianceSuppressedDirection : Direction
{
    readonly MultiTensorLayout layout;
    readonly double theta;
    readonly Tensor direction, hasBegun, share, whole;

    /// <param name="layout">The parameters that are perturbed.</param>
    /// <param name="theta">θ in [0, 1].</param>
    public VarianceSuppressedDirection(MultiTensorLayout layout, double theta)
    {
        (this.layout, this.theta) = (layout, theta);
        direction = layout.Arena.NewBuffer();
        var device = direction.Device;
        hasBegun = Tensor.Persistent([1], DType.Float64, device).Fill(0);
        share = Tensor.Persistent([1], DType.Float64, device).Fill(0);
        whole = Tensor.Persistent([1], DType.Float64, device).Fill(1);
        State = [("smoothed_direction", direction), ("smoothed_direction_begun", hasBegun)];
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State { get; }

    public override Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer)
    {
        pass.Gradient(images, labels, buffer);
        share.Fill(theta);
        MultiTensorOps.CopyIfZero(hasBegun, whole, share);
        MultiTensorOps.Lerp(layout, direction, buffer, share);
        hasBegun.Fill(1);
        return direction;
    }

    public override void Dispose()
    {
        layout.Arena.Free(direction);
        hasBegun.Dispose();
        share.Dispose();
        whole.Dispose();
    }
}
