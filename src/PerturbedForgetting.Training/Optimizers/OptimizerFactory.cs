using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Optimizers;

/// <summary>How the gradient is made: the prefix of an optimizer's name.</summary>
public enum GradientKind
{
    /// <summary>No prefix: at the weights.</summary>
    Plain,
    /// <summary><c>sam_</c>: at weights moved along the gradient of the perturbation loss.</summary>
    Sharpness,
    /// <summary><c>randsam_</c>: at weights moved in a random direction.</summary>
    Random,
}

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

/// <summary>Makes optimizers by their names on the command line.</summary>
public static class OptimizerFactory
{
    static readonly string[] Prefixes = ["", "sam_", "randsam_"];
    static readonly string[] Bases = ["sgd", "sgdw", "adam", "adamw"];

    /// <summary>Every name there is.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Prefixes.SelectMany(prefix => Bases.Select(name => prefix + name))];

    /// <summary>Splits a name into how the gradient is made and the rule of the update.</summary>
    /// <exception cref="ArgumentException">There is no such optimizer; the message lists them.</exception>
    public static (GradientKind Kind, string Base) Parse(string name)
    {
        for (int i = Prefixes.Length - 1; i >= 0; i--)
            if (name.StartsWith(Prefixes[i], StringComparison.Ordinal) && Bases.Contains(name[Prefixes[i].Length..]))
                return ((GradientKind)i, name[Prefixes[i].Length..]);
        throw new ArgumentException($"There is no optimizer '{name}'. Choose --opt from: {string.Join(", ", Names)}.");
    }

    /// <summary>Makes the rule of the update that a name asks for; its prefix is the business of <see cref="Updates.TrainingStep"/>.</summary>
    /// <param name="name">For example <c>sam_sgdw</c>.</param>
    /// <param name="arena">The weights.</param>
    /// <param name="options">Numbers of the rule.</param>
    /// <exception cref="ArgumentException">No such optimizer, or an option that it does not have.</exception>
    public static Optimizer Create(string name, ParameterArena arena, OptimizerOptions options)
    {
        string rule = Parse(name).Base;
        bool isAdam = rule.StartsWith("adam", StringComparison.Ordinal);
        if (options.Betas is not null && !isAdam)
            throw new ArgumentException($"--opt-betas belongs to adam and adamw; '{name}' has none. Remove it, or use --momentum.");
        if (options.Betas is { Count: not 2 } betas)
            throw new ArgumentException($"--opt-betas takes two numbers, not {betas.Count}.");
        var (beta1, beta2) = options.Betas is { } pair ? (pair[0], pair[1]) : (0.9, 0.999);
        double epsilon = options.Epsilon ?? 1e-8;
        bool isDecoupled = rule.EndsWith('w');
        return isAdam
            ? new Adam(arena, beta1, beta2, epsilon, options.WeightDecay, isDecoupled)
            : new Sgd(arena, options.Momentum, options.WeightDecay, isDecoupled);
    }
}
