using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Updates;

/// <summary>A scalar to minimise or to maximise.</summary>
/// <param name="logits">[batch, classes].</param>
/// <param name="labels">[batch] class numbers, or [batch, classes] targets where the loss takes them.</param>
public delegate Tensor LossFunction(Tensor logits, Tensor labels);

/// <summary>What a training step does.</summary>
/// <param name="Loss">The training loss, a mean over the batch.</param>
public sealed record StepOptions(LossFunction Loss)
{
    /// <summary>How the weights are perturbed before the gradient is taken; none for plain optimizers.</summary>
    public PerturbationOptions? Perturbation { get; init; }

    /// <summary>Mini-batches of an update.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>Limit of the gradient's L2 norm; 0 or less for none.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Shrink and perturb: largest share of the initial state that is mixed back before each update; 0 for none.</summary>
    public double ShrinkFactor { get; init; }

    /// <summary>Where several processes train together: gradients travel rounded to bfloat16.</summary>
    public bool RoundsExchange { get; init; }

    /// <summary>
    /// Record what the device does in a step and replay it with one call, where batches come again at the same addresses and in the same
    /// shapes. The model, the losses and their numbers must then stay as they are, and must not read results.
    /// </summary>
    public bool UsesGraphs { get; init; }

    /// <summary>With graphs: a step that the device refuses to record is an error, instead of running launch by launch from then
    /// on.</summary>
    public bool RequiresGraphs { get; init; }
}
