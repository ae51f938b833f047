using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015) with coupled weight decay: g += wd·w before the
/// moments.
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
    public Adam(ParameterArena arena, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, double weightDecay = 0)
        : base(arena, weightDecay)
    {
        rule = Rule(beta1, beta2, epsilon, isDecoupled: false);
        (first, second) = (NewState("exp_avg"), NewState("exp_avg_sq"));
    }

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.AdamUpdate(Layout, gradient, first, second, rule, Control);

    internal static AdamRule Rule(double beta1, double beta2, double epsilon, bool isDecoupled)
    {
        Require(beta1 is >= 0 and < 1, "--opt-betas", beta1, "at least 0 and less than 1");
        Require(beta2 is >= 0 and < 1, "--opt-betas", beta2, "at least 0 and less than 1");
        Require(epsilon > 0 && double.IsFinite(epsilon), "--opt-eps", epsilon, "greater than 0");
        return new(beta1, beta2, epsilon, isDecoupled);
    }
}
