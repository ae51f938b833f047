namespace PerturbedForgetting.Training.Options;

/// <summary>What a perturbation of the study follows.</summary>
enum StudiedPerturbation
{
    /// <summary>The gradient of the training loss: SAM.</summary>
    Maximize,

    /// <summary>The gradient of the output-bias-forgetting objective as the reference trains with it, its p a sigmoid.</summary>
    Obf,

    /// <summary>The same with p a softmax, as the paper's formula reads.</summary>
    ObfSoftmax,

    /// <summary>Independent normal numbers: the direction is random and the length the same.</summary>
    Random,
}

/// <summary>Names of what perturbations follow.</summary>
static class StudiedPerturbations
{
    const string Averages = "averages the gradients of a run, and which those were weights do not tell; measure maximize.",
        ComesAfter = "changes what an update makes of the gradient at the perturbed weights; the perturbation itself is that of maximize.";

    /// <summary>All kinds.</summary>
    public static readonly ChoiceList<StudiedPerturbation> Kinds = new(
        ("maximize", StudiedPerturbation.Maximize), ("obf", StudiedPerturbation.Obf), ("obf-softmax", StudiedPerturbation.ObfSoftmax),
        ("rand", StudiedPerturbation.Random))
    {
        Missing = new Dictionary<string, string>
        {
            ["friendly"] = Averages,
            ["vasso"] = Averages,
            ["momentum"] = "follows the momentum of a run's optimizer, which belongs to its last updates and not to its weights.",
            ["gsam"] = ComesAfter,
            ["looksam"] = ComesAfter,
            ["asam"] = "scales what another one follows: use --asam both beside maximize, say.",
        },
    };

    /// <summary>Whether gamma and C mean something to a kind.</summary>
    public static bool IsOutputBias(StudiedPerturbation kind) => kind is StudiedPerturbation.Obf or StudiedPerturbation.ObfSoftmax;
}
