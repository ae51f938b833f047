using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Momentum SAM (Becker, Altrock and Risse, "Momentum-SAM: sharpness aware minimization without computational overhead", arXiv
/// 2401.12033): the weights are moved against the optimizer's average of gradients, the way it is about to move them, so that the gradient
/// at the perturbed weights is the only pass. Keeps nothing of its own.
/// </summary>
/// <param name="average">Momentum of SGD, or first moment of Adam.</param>
sealed class MomentumDirection(Tensor average) : Direction
{
    public override int Sign => -1;

    public override bool HasCleanPass => false;

    public override bool HasCleanGradient => false;

    public override Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer) => average;
}
