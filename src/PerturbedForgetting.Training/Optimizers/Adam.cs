using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015). Weight decay is coupled, g += wd·w before the moments,
/// or decoupled, w *= 1 - lr·wd and then Adam's step with the undecayed gradient (AdamW: Loshchilov and Hutter, "Decoupled weight decay
/// regularization", ICLR 2019, algorithm 2).
/// </summary>
public sealed class Adam : Optimizer
{
    readonly AdamRule rule;
    readonly Tensor first, second;

    /// <param name="arena">The weights.</param>
    /// <param name="beta1">In [0, 1).</param>
    /// <param name="beta2">In [0, 1).</param>
    /// <param name="epsilon">Greater than 0.</param>
    /// <param name="weightDecay">0 or more.</param>
    /// <param name="isDecoupled">AdamW: weight decay apart from the gradient.</param>
    public Adam(ParameterArena arena, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0,
        bool isDecoupled = false)
        : base(arena, weightDecay)
    {
        Require(beta1 is >= 0 and < 1, nameof(beta1), beta1, "at least 0 and less than 1");
        Require(beta2 is >= 0 and < 1, nameof(beta2), beta2, "at least 0 and less than 1");
        Require(epsilon > 0 && double.IsFinite(epsilon), nameof(epsilon), epsilon, "greater than 0");
        rule = new(beta1, beta2, epsilon, isDecoupled);
        (first, second) = (NewState("exp_avg"), NewState("exp_avg_sq"));
    }

    /// <inheritdoc/>
    public override Tensor? Average => first;

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.AdamUpdate(Layout, gradient, first, second, rule, Control);
}
