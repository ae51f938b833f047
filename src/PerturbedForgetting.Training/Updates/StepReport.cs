using PerturbedForgetting.Training.Processes;

namespace PerturbedForgetting.Training.Updates;

/// <summary>What a step tells about its last mini-batch.</summary>
/// <param name="Loss">Training loss of the last chunk of the batch (of the batch, for plain optimizers), as the reference reports
/// it.</param>
/// <param name="PerturbLoss">Perturbation loss of the last chunk with its sign reversed, as the reference reports it; the training loss for
/// plain optimizers.</param>
/// <param name="MeanLoss">Mean of the training loss over all chunks of the batch.</param>
/// <param name="MeanPerturbLoss">The same of the perturbation loss, with its sign reversed.</param>
/// <param name="GradientNorm">L2 norm of the gradient of the last update, before clipping.</param>
/// <param name="DirectionNorm">L2 norm of the perturbation's direction before it was normalised, last chunk; 0 for plain
/// optimizers and in an update that is not perturbed.</param>
/// <param name="PerturbationNorm">L2 norm of what was added to the weights, last chunk; 0 in an update that is not
/// perturbed, NaN without <see cref="TrainingStep.Diagnostics"/>.</param>
/// <param name="Cosine">Cosine between the gradient at the weights and at the perturbed weights, last chunk; NaN without
/// <see cref="TrainingStep.Diagnostics"/>, and where the first of the two is not taken: random directions, momentum, an update that is not
/// perturbed.</param>
public readonly record struct StepReport(
    double Loss,
    double PerturbLoss,
    double MeanLoss,
    double MeanPerturbLoss,
    double GradientNorm,
    double DirectionNorm,
    double PerturbationNorm,
    double Cosine)
{
    /// <summary>The mean over several processes; the gradient of the update is the same in all.</summary>
    internal StepReport Over(World world)
    {
        if (world.Size == 1)
            return this;
        double[] s = [Loss, PerturbLoss, MeanLoss, MeanPerturbLoss, DirectionNorm, PerturbationNorm, Cosine];
        world.Sum(s);
        for (int i = 0; i < s.Length; i++)
            s[i] /= world.Size;
        return new(s[0], s[1], s[2], s[3], GradientNorm, s[4], s[5], s[6]);
    }
}
