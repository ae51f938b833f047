using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>validate</c>, with the defaults of the reference.</summary>
public sealed record ValidateOptions : CheckpointOptions
{
    internal static new readonly OptionTopic<ValidateOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the split: a sub-folder of the data folder, or the split of a named data set.</summary>
    public string Split { get => SplitOption[this]; set => SplitOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string> SplitOption =
        DataTopic.Option("split", "validation", "split to evaluate: a sub-folder of the data folder, or a split of the named set");

    /// <summary>The <c>real.json</c> of ImageNet-ReaL, for ImageNet's validation images; null leaves their own labels.</summary>
    public string? RealLabels { get => RealLabelsOption[this]; set => RealLabelsOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string?> RealLabelsOption =
        DataTopic.Option<string?>("real-labels", null, "real.json of ImageNet-ReaL: any of its labels is right, those without do not count")
            .KnownAs(nameof(DatasetOptions.RealLabelsFile)).AFile();

    internal static new readonly OptionTopic<ValidateOptions> AnswersTopic = new(CheckpointOptions.AnswersTopic.Heading);

    /// <summary>CSV file of every image's label and answer; null writes none.</summary>
    public string? Predictions { get => PredictionsOption[this]; set => PredictionsOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string?> PredictionsOption =
        AnswersTopic.Option<string?>("predictions", null, "write a CSV: image, label, answer and the scores of the first classes").AFile();

    /// <summary>CSV file of the accuracy of each class; null writes none.</summary>
    public string? PerClass { get => PerClassOption[this]; set => PerClassOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string?> PerClassOption =
        AnswersTopic.Option<string?>("per-class", null, "write a CSV: accuracy of each class, and what it is taken for").AFile();

    /// <summary>Where the confusion matrix goes, as NAME.csv and NAME.png; null writes none.</summary>
    public string? Confusion { get => ConfusionOption[this]; set => ConfusionOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string?> ConfusionOption =
        AnswersTopic.Option<string?>("confusion", null, "write the confusion matrix as NAME.csv and NAME.png").AFile();

    internal static readonly OptionTopic<ValidateOptions> SharpnessTopic = new("Sharpness");

    /// <summary>Measures the Hessian's eigenvalue of the largest magnitude in place of accuracy.</summary>
    public bool ValidateHessian { get => ValidateHessianOption[this]; set => ValidateHessianOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, bool> ValidateHessianOption =
        SharpnessTopic.Option("validate-hessian", false, "measure the dominant eigenvalue of the loss's Hessian in place of accuracy")
            .RefusedForEach(static o => !o.ValidateHessian ? [] : new (OptionSpec Spec, string? File)[]
                {
                    (PredictionsOption, o.Predictions), (PerClassOption, o.PerClass), (ConfusionOption, o.Confusion),
                }
                .Where(static f => f.File is not null).Select(static f => $"measures no accuracy, and so writes no {f.Spec}."));

    /// <summary>Most iterations of the eigenvalue search.</summary>
    public int SharpnessIters { get => SharpnessItersOption[this]; set => SharpnessItersOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, int> SharpnessItersOption =
        SharpnessTopic.Option("sharpness-iters", 100, "iterations at most").AtLeast(1)
            .NotedWhen(static o => o.SharpnessIters != 100 && !o.ValidateHessian, WithoutHessian);

    /// <summary>Relative change of the eigenvalue at which the search ends.</summary>
    public double SharpnessTol { get => SharpnessTolOption[this]; set => SharpnessTolOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, double> SharpnessTolOption =
        SharpnessTopic.Option("sharpness-tol", 1e-4, "relative change at which to stop").Positive()
            .NotedWhen(static o => o.SharpnessTol != 1e-4 && !o.ValidateHessian, WithoutHessian);

    const string WithoutHessian = "has no effect without --validate-hessian.";

    internal static new readonly OptionTopic<ValidateOptions> MachineTopic = new(RunOptions.MachineTopic.Heading);

    /// <summary>Number of GPUs; only 1 is accepted.</summary>
    public int NumGpu { get => NumGpuOption[this]; set => NumGpuOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, int> NumGpuOption =
        MachineTopic.Option("num-gpu", 1, "number of GPUs; only 1 can be used")
            .RefusedWhen(o => o.NumGpu != 1, o => $"only one device can be used, got {o.NumGpu}; leave the option out.");
}
