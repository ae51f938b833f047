using PerturbedForgetting.Training.Optimizers;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// Defaults for <c>builtin/shapes</c>: a small model with the perturbation of the paper that learns in about ten seconds on two cores, so
/// that three seeds of it, of standard SAM and of plain training take two minutes. The reference's own defaults are for ImageNet.
/// </summary>
public static class QuickStart
{
    /// <summary>The data set these defaults belong to.</summary>
    public const string Dataset = "builtin/shapes";

    /// <summary>The data set of whoever names it without settings: images as small as shapes can be told apart in.</summary>
    const string Small = Dataset + ":train=2500,val=2000,size=16";

    const int SmallSize = 16;

    /// <summary>Changes the defaults when this is the quick start's data set, with or without settings after a colon.</summary>
    public static void Apply(TrainOptions options, string dataset)
    {
        if (!IsQuickStart(dataset))
            return;
        // One block a stage: the smallest network that learns shapes and backgrounds alike.
        options.Model = "resnet20";
        options.ModelKwargs = new Dictionary<string, object?> { ["layers"] = new object?[] { 1L, 1L, 1L } };
        options.ImgSize = dataset == Dataset ? SmallSize : 32;
        options.CropPadding = dataset == Dataset ? 1 : 2;
        options.BatchSize = 32;
        options.Epochs = 12;
        options.WarmupEpochs = 0;
        options.Opt = new(PerturbationKind.Sam, UpdateRule.SgdW);
        options.PerturbLoss = PerturbLoss.OutputBiasForget;
        options.ObfC = 10;
        options.Rho = 0.1;
        options.Lr = 0.2;
        options.WeightDecay = 1e-3;
        options.Workers = 1;
        options.LogInterval = 100;
    }

    /// <summary>Takes defaults back that belong to what the user replaced: the layers of the model, the perturbation of the
    /// optimizer. Where neither the data set has settings nor an image size is given, the images are small ones.</summary>
    /// <param name="options">After all that was given has been applied.</param>
    /// <param name="given">What was given, which stays.</param>
    public static void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given)
    {
        if (!IsQuickStart(options.Dataset))
            return;
        var plain = new TrainOptions();
        TakeBack(TrainOptions.ModelKwargsOption, TrainOptions.ModelOption);
        TakeBack(TrainOptions.PerturbLossOption, TrainOptions.OptOption);
        if (options.Dataset == Dataset && options.ImgSize == SmallSize && !given.Contains(RunOptions.ImgSizeOption))
            options.Dataset = Small;

        void TakeBack(OptionSpec spec, OptionSpec replaced)
        {
            if (given.Contains(replaced) && !given.Contains(spec))
                spec.Set(options, spec.Get(plain));
        }
    }

    static bool IsQuickStart(string dataset) => dataset == Dataset || dataset.StartsWith(Dataset + ":", StringComparison.Ordinal);
}
