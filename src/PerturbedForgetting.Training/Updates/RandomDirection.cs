using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Independent normal numbers (<c>randsam_</c>): what SAM does beyond moving the weights somewhere.</summary>
/// <param name="layout">The parameters that are perturbed.</param>
/// <param name="noise">Where the numbers come from.</param>
/// <param name="numbers">Number of the first perturbation of the batch.</param>
sealed class RandomDirection(MultiTensorLayout layout, IPerturbationNoise noise, StepNumbers numbers) : Direction
{
    /// <summary>The reference subtracts noise.</summary>
    public override int Sign => -1;

    public override bool HasCleanGradient => false;

    public override Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer)
    {
        // Still done for the running statistics and for the reported loss.
        pass.Forward(images, labels);
        noise.Fill(layout, buffer, numbers.NoiseCalls, chunk);
        return buffer;
    }
}
