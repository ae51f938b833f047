namespace PerturbedForgetting.Training.Options;

/// <summary>Where ASAM scales a direction by |w| + eta.</summary>
enum AsamPlace
{
    /// <summary>Nowhere: SAM.</summary>
    Off,

    /// <summary>Inside the norm.</summary>
    Before,

    /// <summary>Outside the norm.</summary>
    After,

    /// <summary>Inside and outside, as it was published.</summary>
    Both,
}

/// <summary>What is typed for the ways in which a direction becomes a perturbation.</summary>
static class PerturbationChoices
{
    /// <summary>Which parameters are moved.</summary>
    public static readonly ChoiceList<PerturbedParameters> Parameters =
        new(("all", PerturbedParameters.All), ("norm", PerturbedParameters.Norm), ("no-norm", PerturbedParameters.NoNorm));

    /// <summary>What a direction is divided by.</summary>
    public static readonly ChoiceList<PerturbationNorm> Norms = new(("l2", PerturbationNorm.L2), ("none", PerturbationNorm.None));

    /// <summary>Which parameters ASAM scales.</summary>
    public static readonly ChoiceList<AsamParameters> Scaled = new(("all", AsamParameters.All), ("weight", AsamParameters.Weight));

    /// <summary>Where ASAM scales.</summary>
    public static readonly ChoiceList<AsamPlace> Asam =
        new(("off", AsamPlace.Off), ("before", AsamPlace.Before), ("after", AsamPlace.After), ("both", AsamPlace.Both));
}
