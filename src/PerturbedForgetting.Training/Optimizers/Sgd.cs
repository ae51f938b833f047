using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Stochastic gradient descent with heavy-ball momentum (Polyak, "Some methods of speeding up the convergence of iteration methods",
/// 1964) and coupled weight decay: g += wd·w; v = momentum·v + g; w -= lr·v. No dampening, no Nesterov.
/// </summary>
public sealed class Sgd : Optimizer
{
    readonly SgdRule rule;
    readonly Tensor? momentumBuffer;

    /// <param name="arena">The weights.</param>
    /// <param name="momentum">In [0, 1); 0 keeps no buffer.</param>
    /// <param name="weightDecay">0 or more.</param>
    public Sgd(ParameterArena arena, double momentum = 0.9, double weightDecay = 0)
        : base(arena, weightDecay)
    {
        Require(momentum is >= 0 and < 1, "--momentum", momentum, "at least 0 and less than 1");
        rule = new(momentum, IsDecoupled: false);
        momentumBuffer = momentum > 0 ? NewState("momentum_buffer") : null;
    }

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.SgdUpdate(Layout, gradient, momentumBuffer, rule, Control);
}
