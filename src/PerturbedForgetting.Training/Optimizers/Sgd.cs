using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>
/// Stochastic gradient descent with heavy-ball momentum (Polyak, "Some methods of speeding up the convergence of iteration methods",
/// 1964): v = momentum·v + g; w -= lr·v. No dampening, no Nesterov. Weight decay is coupled, g += wd·w, or decoupled, w *= 1 - lr·wd
/// (SGDW: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 1).
/// </summary>
public sealed class Sgd : Optimizer
{
    readonly SgdRule rule;
    readonly Tensor? momentumBuffer;

    /// <param name="arena">The weights.</param>
    /// <param name="momentum">In [0, 1); 0 keeps no buffer.</param>
    /// <param name="weightDecay">0 or more.</param>
    /// <param name="isDecoupled">SGDW: weight decay apart from the gradient.</param>
    public Sgd(ParameterArena arena, double momentum = 0.9, double weightDecay = 0, bool isDecoupled = false)
        : base(arena, weightDecay)
    {
        Require(momentum is >= 0 and < 1, nameof(momentum), momentum, "at least 0 and less than 1");
        rule = new(momentum, isDecoupled);
        momentumBuffer = momentum > 0 ? NewState("momentum_buffer") : null;
    }

    /// <inheritdoc/>
    public override Tensor? Average => momentumBuffer;

    /// <inheritdoc/>
    public override void Update(in UpdateGradient gradient) => MultiTensorOps.SgdUpdate(Layout, gradient, momentumBuffer, rule, Control);
}
