using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Losses and perturbation that the options name.</summary>
static class Losses
{
    /// <summary>The training loss: softmax cross entropy, or the binary form.</summary>
    public static LossFunction Training(RunOptions options)
    {
        double smoothing = options.Smoothing;
        if (!options.BceLoss)
            return (logits, labels) => Ops.CrossEntropy(logits, labels, smoothing);
        var reduction = options.BceReduction;
        return (logits, labels) => Ops.BinaryCrossEntropy(logits, labels, smoothing, reduction);
    }

    /// <summary>The training loss in words.</summary>
    public static string Describe(RunOptions options)
    {
        string smoothing = options.Smoothing == 0 ? "" : FormattableString.Invariant($", label smoothing {options.Smoothing}");
        return options.BceLoss
            ? $"binary cross entropy ({RunOptions.BceReductionOption.Show(options)}){smoothing}"
            : $"cross entropy{smoothing}";
    }

    /// <summary>The perturbation; none for plain optimisers.</summary>
    /// <param name="options">The options.</param>
    /// <param name="updatesPerEpoch">Updates of an epoch, in which the period that is perturbed is counted.</param>
    public static PerturbationOptions? Perturbation(TrainOptions options, int updatesPerEpoch)
    {
        if (!options.Opt.Perturbs)
            return null;
        var (c, gamma) = (options.ObfC, options.ObfGamma);
        return new PerturbationOptions
        {
            Loss = options.PerturbLoss == PerturbLoss.Maximize ? null : (logits, labels) => Ops.OutputBiasForget(logits, labels, c, gamma),
            IsRandom = options.Opt.Perturbation == PerturbationKind.RandSam,
            ChunkSize = options.SharpnessM,
            Alpha = options.GsamAlpha,
            Weight = options.SamWeight,
            LookAlpha = options.LooksamAlpha,
            IsDirectionNormalized = options.BackupNormalized,
            IsAdaptive = options.AdaptiveSam,
            ScalesBeforeNorm = options.AsamBeforeNorm,
            ScalesAfterNorm = options.AsamAfterNorm,
            Eta = options.AsamEta,
            ScaledParameters = options.AsamParams,
            Direction = options.SamDirection,
            FriendlySigma = options.FriendlySigma,
            FriendlyLambda = options.FriendlyLambda,
            VassoTheta = options.VassoTheta,
            Parameters = options.PerturbParams,
            Norm = options.PerturbNorm,
            Steps = options.ObfSteps,
            Period = PerturbationPeriod.OfEpochs(options.SamFrom, options.SamUntil, options.SamEvery, updatesPerEpoch),
            Noise = new PhiloxNoise((ulong)options.Seed),
        };
    }
}
