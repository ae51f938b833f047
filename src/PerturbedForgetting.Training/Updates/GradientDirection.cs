using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>The gradient of the perturbation loss: SAM (Foret et al., "Sharpness-aware minimization for efficiently improving
/// generalization", ICLR 2021) and, with another loss, output-bias forgetting.</summary>
sealed class GradientDirection : Direction
{
    public override Tensor Make(AscentPass pass, Tensor images, Tensor labels, int chunk, Tensor buffer)
    {
        pass.Gradient(images, labels, buffer);
        return buffer;
    }
}
