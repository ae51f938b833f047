using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2):
/// w *= 1 - lr·wd, then Adam's step with the undecayed gradient.
/// </summary>
public sealed class AdamW : Optimizer
{
    readonly AdamRule rule;
    readonly Tensor first, second;

    /// <param name="arena">The weights.</param>
    /// <param name="beta1">In [0, 1).</param>
    /// <param name="beta2">In [0, 1).</param>
    /// <param name="epsilon">Greater than 0.</param>
    /// <param name="weightDecay">0 or more.</param>
    public AdamW(ParameterArena arena, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0)
        : base(arena, weightDecay)
    {
        rule = Adam.Rule(beta1, beta2, epsilon, isDecoupled: true);
        (first, second) = (NewState("exp_avg"), NewState("exp_avg_sq"));
    }

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.AdamUpdate(Layout, gradient, first, second, rule, Control);
}
