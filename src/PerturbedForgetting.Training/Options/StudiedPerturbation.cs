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
    static readonly (string Name, StudiedPerturbation Kind)[] all =
    [
        ("maximize", StudiedPerturbation.Maximize), ("obf", StudiedPerturbation.Obf), ("obf-softmax", StudiedPerturbation.ObfSoftmax),
        ("rand", StudiedPerturbation.Random),
    ];

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => all.Select(static k => k.Name);

    /// <summary>The name of a kind.</summary>
    public static string NameOf(StudiedPerturbation kind) => all.First(k => k.Kind == kind).Name;

    /// <summary>The kind of a name; null where there is none.</summary>
    public static StudiedPerturbation? Find(string name)
    {
        foreach (var (known, kind) in all)
            if (known == name)
                return kind;
        return null;
    }

    /// <summary>Whether gamma and C mean something to a kind.</summary>
    public static bool IsOutputBias(StudiedPerturbation kind) => kind is StudiedPerturbation.Obf or StudiedPerturbation.ObfSoftmax;
}
