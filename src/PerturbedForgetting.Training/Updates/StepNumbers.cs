using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>The numbers of a step that stay on the device, float64, until somebody wants to see them.</summary>
sealed class StepNumbers : IDisposable
{
    readonly Tensor block;
    int used;

    public StepNumbers(Device device)
    {
        block = Tensor.Persistent([24], DType.Float64, device).Fill(0);
        (Radius, ShrinkFactor, Finite) = (Next(1), Next(1), Next(1));
        (DirectionSquaredNorm, Products, Coefficients, GradientSquaredNorm) = (Next(1), Next(3), Next(2), Next(1));
        (PerturbationSquaredNorm, CleanProducts) = (Next(1), Next(3));
        (Loss, LossSum, PerturbLoss, PerturbLossSum) = (Next(1), Next(1), Next(1), Next(1));
    }

    public Tensor Radius { get; }

    public Tensor ShrinkFactor { get; }

    /// <summary>1, or 0 once a direction of the window was not finite.</summary>
    public Tensor Finite { get; }

    /// <summary>Squared norm of the direction of the perturbation.</summary>
    public Tensor DirectionSquaredNorm { get; }

    /// <summary>Products of gradient and direction.</summary>
    public Tensor Products { get; }

    /// <summary>Coefficients of gradient and direction in the combined gradient.</summary>
    public Tensor Coefficients { get; }

    /// <summary>Squared norm of the gradient of the update.</summary>
    public Tensor GradientSquaredNorm { get; }

    /// <summary>Σ (|w|ᵏ·d)², for the norm of the perturbation.</summary>
    public Tensor PerturbationSquaredNorm { get; }

    /// <summary>Products of the perturbed and the clean gradient.</summary>
    public Tensor CleanProducts { get; }

    /// <summary>Training loss of the last chunk.</summary>
    public Tensor Loss { get; }

    public Tensor LossSum { get; }

    /// <summary>Perturbation loss of the last chunk, with the reference's sign.</summary>
    public Tensor PerturbLoss { get; }

    public Tensor PerturbLossSum { get; }

    public void Dispose() => block.Dispose();

    Tensor Next(int count) => block.Rows((used += count) - count, count);
}
