namespace PerturbedForgetting.Training.Optimizers;

/// <summary>Where the gradient of an update is taken: the prefix of an optimizer's name.</summary>
public enum PerturbationKind
{
    /// <summary>No prefix: at the weights.</summary>
    None,
    /// <summary><c>sam_</c>: at weights moved along the gradient of the perturbation loss.</summary>
    Sam,
    /// <summary><c>randsam_</c>: at weights moved in a random direction.</summary>
    RandSam,
}

/// <summary>How a gradient changes the weights: an optimizer's name without its prefix.</summary>
public enum UpdateRule
{
    /// <summary><see cref="Optimizers.Sgd"/> with weight decay in the gradient.</summary>
    Sgd,
    /// <summary><see cref="Optimizers.Sgd"/> with weight decay apart from the gradient.</summary>
    SgdW,
    /// <summary><see cref="Optimizers.Adam"/> with weight decay in the gradient.</summary>
    Adam,
    /// <summary><see cref="Optimizers.Adam"/> with weight decay apart from the gradient.</summary>
    AdamW,
}

/// <summary>What an optimizer's name says, such as <c>sam_sgdw</c>.</summary>
/// <param name="Perturbation">Its prefix.</param>
/// <param name="Rule">The rest.</param>
public readonly record struct OptimizerName(PerturbationKind Perturbation, UpdateRule Rule)
{
    static readonly string[] Prefixes = ["", "sam_", "randsam_"];
    static readonly string[] Rules = ["sgd", "sgdw", "adam", "adamw"];

    /// <summary>Every optimizer there is.</summary>
    public static IReadOnlyList<OptimizerName> All { get; } =
        [.. from kind in Enum.GetValues<PerturbationKind>() from rule in Enum.GetValues<UpdateRule>() select new OptimizerName(kind, rule)];

    /// <summary>Whether there are two gradients an update.</summary>
    public bool Perturbs => Perturbation != PerturbationKind.None;

    /// <summary>The optimizer that makes updates without perturbation.</summary>
    public OptimizerName Beneath => this with { Perturbation = PerturbationKind.None };

    /// <summary>Whether the state is that of Adam: two averages; else it is a momentum.</summary>
    public bool IsAdam => Rule is UpdateRule.Adam or UpdateRule.AdamW;

    /// <summary>The optimizer of a name.</summary>
    /// <exception cref="ArgumentException">There is no such optimizer; the message lists them.</exception>
    public static OptimizerName Parse(string name)
    {
        foreach (OptimizerName optimizer in All)
            if (optimizer.ToString() == name)
                return optimizer;
        throw new ArgumentException($"There is no optimizer '{name}'. Choose from: {string.Join(", ", All)}.", nameof(name));
    }

    /// <summary>The name.</summary>
    public override string ToString() => Prefixes[(int)Perturbation] + Rules[(int)Rule];
}
