using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// LookSAM (Liu et al., "Towards efficient and scalable sharpness-aware minimization", CVPR 2022): between perturbed updates the gradient g
/// gets what the last one's perturbed gradient had orthogonal to the clean one, v, in proportion to its own norm: g + α·‖g‖·v/‖v‖. Keeps v
/// and a buffer for the result.
/// </summary>
sealed class LookSam : IDisposable
{
    readonly MultiTensorLayout layout;
    readonly double alpha;
    readonly Tensor orthogonal, result, numbers, products, coefficients, squaredNorm, proceeds;
    readonly UpdateControl control;

    /// <param name="layout">Layout of the weights.</param>
    /// <param name="alpha">α, above 0.</param>
    public LookSam(MultiTensorLayout layout, double alpha)
    {
        (this.layout, this.alpha) = (layout, alpha);
        (orthogonal, result) = (layout.Arena.NewBuffer(), layout.Arena.NewBuffer());
        numbers = Tensor.Persistent([7], DType.Float64, orthogonal.Device).Fill(1);
        (products, coefficients) = (numbers.Rows(0, 3), numbers.Rows(3, 2));
        (squaredNorm, proceeds) = (numbers.Rows(5, 1), numbers.Rows(6, 1));
        control = new UpdateControl(orthogonal.Device);
    }

    /// <summary>v, by its name in a checkpoint.</summary>
    public (string Name, Tensor Tensor) State => ("looksam_gradient", orthogonal);

    /// <summary>Takes v from the gradients of a chunk at the weights and at the perturbed weights.</summary>
    /// <param name="clean">At the weights.</param>
    /// <param name="perturbed">At the perturbed weights.</param>
    /// <param name="share">Of the chunk in its update.</param>
    /// <param name="accumulate">Whether chunks before it belong to the update.</param>
    public void Remember(Tensor clean, Tensor perturbed, double share, bool accumulate)
    {
        MultiTensorOps.Products(layout, clean, perturbed, Weighting.None, products);
        MultiTensorOps.OrthogonalCoefficients(products, squaredNorm, sign: 1, alpha: 1, isNormalized: false, coefficients, squaredNorm);
        MultiTensorOps.Combine(layout, new(clean, perturbed, Weighting.None, coefficients), share, accumulate, orthogonal);
        MultiTensorOps.Combine(layout, new(clean), -share, accumulate: true, orthogonal);
    }

    /// <summary>The gradient of an update that is not perturbed, with its part of v.</summary>
    public UpdateGradient Apply(Tensor gradient)
    {
        MultiTensorOps.SquaredNorm(layout, gradient, Weighting.None, squaredNorm);
        // Takes the root; its counters mean nothing here.
        MultiTensorOps.BeginUpdate(squaredNorm, proceeds, 0, control);
        MultiTensorOps.SquaredNorm(layout, orthogonal, Weighting.None, squaredNorm);
        MultiTensorOps.StepAlong(layout, orthogonal, Weighting.None, squaredNorm, control.GradientNorm, alpha, result, weights: gradient);
        return new(result);
    }

    public void Dispose()
    {
        numbers.Dispose();
        control.Dispose();
    }
}
