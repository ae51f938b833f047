namespace PerturbedForgetting.Training.Options;

/// <summary>
/// Defaults for <c>builtin/shapes</c>: a small model that learns in about a minute on two cores, with the perturbation of the paper.
/// The reference's own defaults are for ImageNet.
/// </summary>
public static class QuickStart
{
    /// <summary>The data set these defaults belong to.</summary>
    public const string Dataset = "builtin/shapes";

    /// <summary>Changes the defaults when this is the quick start's data set, with or without settings after a colon.</summary>
    public static void Apply(TrainOptions options, string dataset)
    {
        if (dataset != Dataset && !dataset.StartsWith(Dataset + ":", StringComparison.Ordinal))
            return;
        options.Model = "resnet20";
        options.ImgSize = 32;
        options.BatchSize = 64;
        options.SharpnessM = 32;
        options.Epochs = 2;
        options.WarmupEpochs = 0;
        options.Opt = "sam_sgdw";
        options.PerturbLoss = "obf";
        options.ObfC = 10;
        options.Rho = 0.05;
        options.Lr = 0.1;
        options.WeightDecay = 1e-3;
        options.Scale = [0.6, 1.0];
        options.Workers = 1;
        options.LogInterval = 10;
    }
}
