using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>What an optimizer is made of beside its name; an absent number is the method's own default.</summary>
public sealed record OptimizerOptions
{
    /// <summary>Weight decay.</summary>
    public double WeightDecay { get; init; } = 2e-5;

    /// <summary>Momentum of SGD and SGDW; Adam and AdamW take no notice of it.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Both betas of Adam and AdamW; SGD and SGDW refuse them.</summary>
    public IReadOnlyList<double>? Betas { get; init; }

    /// <summary>Epsilon of Adam and AdamW; SGD and SGDW take no notice of it.</summary>
    public double? Epsilon { get; init; }
}

/// <summary>Makes optimizers by their names.</summary>
public static class OptimizerFactory
{
    /// <summary>Makes the rule of an update; the perturbation is the business of <see cref="Updates.TrainingStep"/>.</summary>
    /// <param name="name">For example <c>sam_sgdw</c>.</param>
    /// <param name="arena">The weights.</param>
    /// <param name="options">Numbers of the rule.</param>
    /// <exception cref="ArgumentException">An option that the rule does not have.</exception>
    public static Optimizer Create(OptimizerName name, ParameterArena arena, OptimizerOptions options)
    {
        if (options.Betas is not null && !name.IsAdam)
        {
            throw new ArgumentException($"`{nameof(options.Betas)}` belongs to adam and adamw; '{name}' has none. "
                + $"Remove it, or use `{nameof(options.Momentum)}`.");
        }
        if (options.Betas is { Count: not 2 } betas)
            throw new ArgumentException($"`{nameof(options.Betas)}` takes two numbers, not {betas.Count}.");
        var (beta1, beta2) = options.Betas is { } pair ? (pair[0], pair[1]) : (0.9, 0.999);
        double epsilon = options.Epsilon ?? 1e-8;
        bool isDecoupled = name.Rule is UpdateRule.SgdW or UpdateRule.AdamW;
        return name.IsAdam
            ? new Adam(arena, beta1, beta2, epsilon, options.WeightDecay, isDecoupled)
            : new Sgd(arena, options.Momentum, options.WeightDecay, isDecoupled);
    }
}
