using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Processes;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Sums behind an epoch's averages of the losses, which gather on the device
/// (<see cref="Tensors.MultiTensor.MultiTensorOps.AddLosses"/>).</summary>
/// <param name="Loss">Σ samples·loss over the last chunks of the batches, since the reference's averages began anew.</param>
/// <param name="PerturbLoss">The same of the perturbation loss, with the reference's sign.</param>
/// <param name="Samples">Samples in those sums.</param>
/// <param name="MeanLoss">Σ samples·loss over all chunks of all batches.</param>
/// <param name="MeanPerturbLoss">The same of the perturbation loss, with the reference's sign.</param>
/// <param name="MeanSamples">Samples in those sums.</param>
/// <param name="NotFinite">Batches whose loss was not finite; they count nowhere else.</param>
public readonly record struct LossTotals(double Loss, double PerturbLoss, long Samples, double MeanLoss, double MeanPerturbLoss,
    long MeanSamples, long NotFinite)
{
    internal static LossTotals Read(Tensor sums)
    {
        double[] s = sums.ToArray<double>();
        return new(s[0], s[1], (long)s[2], s[3], s[4], (long)s[5], (long)s[6]);
    }

    /// <summary>The sums over several processes.</summary>
    internal LossTotals Over(World world)
    {
        double[] s = [Loss, PerturbLoss, Samples, MeanLoss, MeanPerturbLoss, MeanSamples, NotFinite];
        world.Sum(s);
        return new(s[0], s[1], (long)s[2], s[3], s[4], (long)s[5], (long)s[6]);
    }

    internal void Write(Tensor sums) =>
        sums.CopyFrom<double>([Loss, PerturbLoss, Samples, MeanLoss, MeanPerturbLoss, MeanSamples, NotFinite]);
}
