namespace PerturbedForgetting.Training.Forgetting;

/// <summary>A number of the study.</summary>
/// <param name="Name">Its name in files.</param>
/// <param name="Title">Its name for people, with the unit.</param>
sealed record Measure(string Name, string Title)
{
    /// <summary>What is measured of a model's outputs, before and after a perturbation; in the order of
    /// <see cref="OutputMeasures.Values"/>.</summary>
    public static readonly IReadOnlyList<Measure> OfOutputs =
    [
        new("loss", "training loss"),
        new("top1", "top-1 accuracy (%)"),
        new("confidence", "confidence"),
        new("label_probability", "probability of the label"),
        new("entropy", "entropy of an output (nats)"),
        new("kl_uniform", "output bias: KL(mean ‖ uniform) (nats)"),
        new("tv_uniform", "output bias: TV(mean, uniform)"),
        new("kl_labels", "output bias: KL(labels ‖ mean) (nats)"),
        new("tv_labels", "output bias: TV(mean, labels)"),
    ];

    /// <summary>What is measured of outputs before and after together; in the order of <see cref="OutputChange.Values"/>.</summary>
    public static readonly IReadOnlyList<Measure> OfChanges =
    [
        new("agreement", "same prediction (%)"),
        new("forgotten", "right before, wrong after (%)"),
        new("gained", "wrong before, right after (%)"),
        new("divergence", "KL(output before ‖ after) (nats)"),
        new("tv_shift", "TV(mean before, mean after)"),
    ];

    /// <summary>Place of a measure in <see cref="OfOutputs"/>.</summary>
    public static int Output(string name) => Find(OfOutputs, name);

    /// <summary>Place of a measure in <see cref="OfChanges"/>.</summary>
    public static int Change(string name) => Find(OfChanges, name);

    static int Find(IReadOnlyList<Measure> measures, string name) =>
        measures.Select((m, i) => (m, i)).First(p => p.m.Name == name).i;
}
