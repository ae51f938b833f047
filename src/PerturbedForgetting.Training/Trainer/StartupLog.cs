using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training;

/// <summary>What a run says about itself before its first step.</summary>
static class StartupLog
{
    /// <summary>Reports perturbation group, learning rate, model, parameter groups, data and the options that differ from the
    /// defaults.</summary>
    public static void Write(RunParts parts, string folder, ITrainingObserver observer)
    {
        var options = parts.Options;
        foreach (string line in (string[])[
            Perturbation(options),
            LearningRate(options),
            Model(parts),
            Groups(parts),
            $"Classes: {parts.TrainingSet.Classes.Count}, hash {parts.TrainingSet.Classes.Hash}: {Names(parts.TrainingSet.Classes.Names)}",
            Invariant($"Training: {parts.TrainingSet.Name}, {Quantity.Of(parts.TrainingSet.Count, "image")}, ")
                + Invariant($"{Quantity.Of(parts.TrainingLoader.BatchesPerEpoch, "batch", "batches")} an epoch; ")
                + Invariant($"{ImageSetup.Describe(parts.Images.TrainingTransform(options, parts.Entry.Config))}"),
            Invariant($"Validation: {parts.ValidationSet.Name}, {Quantity.Of(parts.ValidationSet.Count, "image")}; ")
                + Invariant($"{ImageSetup.Describe(parts.Images.EvaluationTransform)}"),
            $"Normalisation: mean {Numbers(parts.Images.Normalization.Mean)}, std {Numbers(parts.Images.Normalization.Std)}",
            $"Options other than the defaults: {Changed(options)}",
            $"Results: {folder}",
        ])
            observer.Message(MessageLevel.Info, line);
        // Whoever resumes goes on with what the run began with.
        if (options.Opt.Perturbs && !options.Values.ContainsKey(TrainOptions.RhoOption.Name))
            observer.Message(MessageLevel.Warning, Invariant($"{TrainOptions.RhoOption.Flag} was not given and is {options.Rho}, the ")
                + "reference's default for ViT on ImageNet. Usual are 0.05 to 0.1 for small networks and images such as those of CIFAR, "
                + $"and 2 to 10 times that with {TrainOptions.AdaptiveSamOption}.");
    }

    static string Perturbation(TrainOptions options)
    {
        if (!options.Opt.Perturbs)
            return "Perturbation: none";
        int m = options.SharpnessM > 0 ? options.SharpnessM : options.BatchSize, groups = options.BatchSize / m;
        string direction = options.Opt.Perturbation == PerturbationKind.RandSam ? "random direction"
            : options.SamDirection == SamDirection.Momentum ? "along the optimiser's momentum, in one pass"
            : options.PerturbLoss == PerturbLoss.Maximize ? "maximises the training loss"
            : Invariant($"output-bias forgetting, C {options.ObfC}, gamma {options.ObfGamma}");
        string rho = options.RhoPolicy == RhoPolicyKind.Constant ? Invariant($"rho {options.Rho}")
            : Invariant($"rho {options.MinRho} to {options.Rho} with the learning rate");
        return Invariant(
            $"Perturbation group m={m}: {Quantity.Of(groups, "group")} a batch, workers={options.WorldSize}; {direction}, {rho}")
            + (options.GsamAlpha > 0 ? Invariant($", GSAM alpha {options.GsamAlpha}") : "") + (options.AdaptiveSam ? ", ASAM" : "")
            + string.Concat(Variations(options).Select(static v => ", " + v));
    }

    /// <summary>How the perturbation differs from that of SAM.</summary>
    static IEnumerable<string> Variations(TrainOptions options)
    {
        if (options.AsamEta > 0)
            yield return Invariant($"eta {options.AsamEta}");
        if (options.AdaptiveSam && options.AsamParams == AsamParameters.Weight)
            yield return "weights alone are scaled";
        if (options.SamDirection == SamDirection.Friendly)
            yield return Invariant($"friendly with sigma {options.FriendlySigma} and lambda {options.FriendlyLambda}");
        if (options.SamDirection == SamDirection.VarianceSuppressed)
            yield return Invariant($"variance-suppressed with theta {options.VassoTheta}");
        if (options.ObfSteps > 1)
            yield return Invariant($"in {options.ObfSteps} steps");
        if (options.PerturbParams == PerturbedParameters.Norm)
            yield return "normalisation layers alone";
        if (options.PerturbParams == PerturbedParameters.NoNorm)
            yield return "all but normalisation layers";
        if (options.PerturbNorm == PerturbationNorm.None)
            yield return "not normalised";
        if (options.SamFrom > 0)
            yield return $"after {Quantity.Of(options.SamFrom, "epoch")} of {options.Opt.Beneath}";
        if (options.SamUntil is { } until)
            yield return $"in the first {Quantity.Of(until, "epoch")} alone";
        if (options.SamEvery > 1)
            yield return $"one update in {options.SamEvery}";
        if (options.LooksamAlpha > 0)
            yield return Invariant($"LookSAM alpha {options.LooksamAlpha} in the others");
        if (options.SamWeight != 1)
            yield return Invariant($"its gradient by {options.SamWeight}, that at the weights by {1 - options.SamWeight:G6}");
    }

    static string LearningRate(TrainOptions options)
    {
        long images = (long)options.BatchSize * options.GradAccumSteps * options.WorldSize;
        string origin = options.Lr is { } given && given != 0
            ? "as given"
            : Invariant($"from {TrainOptions.LrBaseOption} {options.LrBase} for {Quantity.Of(options.LrBaseSize, "image")} an update, ")
                + Invariant($"and {Quantity.Of(images, "image")} an update here");
        return Invariant($"Learning rate {options.EffectiveLr:G6} ({origin}), ")
            + Invariant($"warm-up {Quantity.Of(options.WarmupEpochs, "epoch")} from {options.WarmupLr:G6}, to {options.MinLr:G6} ")
            + Invariant($"after {Quantity.Of(options.Epochs, "epoch")}");
    }

    static string Model(RunParts parts)
    {
        var summary = ModelSummary.Of(parts.Model);
        return Invariant($"Model: {parts.Options.Model}, {summary.Parameters / 1e6:F2} M parameters, ")
            + Invariant($"{summary.MultiplyAdds / 1e6:F1} M multiply-adds an image, device {parts.Device}")
            + Invariant($"{(parts.Step.UsesGraphs ? ", steps replayed as graphs" : "")}");
    }

    static string Groups(RunParts parts)
    {
        var decayed = parts.Arena.Segments.Where(s => parts.Options.WeightDecay > 0 && WeightDecay.AppliesTo(s)).ToArray();
        return Invariant($"Optimiser: {parts.Options.Opt}, weight decay {parts.Options.WeightDecay:G6} on ")
            + Invariant($"{Quantity.Of(decayed.Length, "tensor")} ({Quantity.Of(decayed.Sum(s => s.Count), "value")}), none on ")
            + Invariant($"{parts.Arena.Segments.Count - decayed.Length} ")
            + Invariant($"({Quantity.Of(parts.Arena.Segments.Sum(s => s.Count) - decayed.Sum(s => s.Count), "value")})");
    }

    static string Changed(TrainOptions options)
    {
        var changes = OptionsJson.Diff(new TrainOptions(), options);
        return changes.Count == 0 ? "none" : string.Join(" ", changes.Select(c => $"{c.Option} {c.New}"));
    }

    static string Names(IReadOnlyList<string> names) => string.Join(", ", names.Take(10)) + (names.Count > 10 ? ", …" : "");

    static string Numbers(IEnumerable<double> values) =>
        string.Join(" ", values.Select(v => v.ToString("G6", CultureInfo.InvariantCulture)));

    static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
