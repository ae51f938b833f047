using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// SGD with momentum and decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 1):
/// w *= 1 - lr·wd; v = momentum·v + g; w -= lr·v.
/// </summary>
public sealed class SgdW : Optimizer
{
    readonly SgdRule rule;
    readonly Tensor? momentumBuffer;

    /// <param name="arena">The weights.</param>
    /// <param name="momentum">In [0, 1); 0 keeps no buffer.</param>
    /// <param name="weightDecay">0 or more.</param>
    public SgdW(ParameterArena arena, double momentum = 0.9, double weightDecay = 0)
        : base(arena, weightDecay)
    {
        Require(momentum is >= 0 and < 1, "--momentum", momentum, "at least 0 and less than 1");
        rule = new(momentum, IsDecoupled: true);
        momentumBuffer = momentum > 0 ? NewState("momentum_buffer") : null;
    }

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.SgdUpdate(Layout, gradient, momentumBuffer, rule, Control);
}
