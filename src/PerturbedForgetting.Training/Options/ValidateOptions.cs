namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>validate</c>, with the defaults of the reference.</summary>
public sealed record ValidateOptions : RunOptions
{
    /// <summary>Creates the defaults.</summary>
    public ValidateOptions()
    {
        BatchSize = 256;
    }

    internal static new readonly OptionTopic<ValidateOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the split: a sub-folder of the data folder, or the split of a named data set.</summary>
    public string Split { get => SplitOption[this]; set => SplitOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string> SplitOption =
        DataTopic.Option("split", "validation", "split to evaluate: a sub-folder of the data folder, or a split of the named set");

    internal static new readonly OptionTopic<ValidateOptions> ModelTopic = new(RunOptions.ModelTopic.Heading);

    /// <summary>Checkpoint to evaluate; empty evaluates freshly initialised weights, with a warning.</summary>
    public string Checkpoint { get => CheckpointOption[this]; set => CheckpointOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, string> CheckpointOption =
        ModelTopic.Option("checkpoint", "", "checkpoint to evaluate; without one, fresh weights and a warning");

    internal static new readonly OptionTopic<ValidateOptions> ImagesTopic = new(RunOptions.ImagesTopic.Heading);

    /// <summary>Evaluate at the training image size in place of the model's larger test size.</summary>
    public bool UseTrainSize { get => UseTrainSizeOption[this]; set => UseTrainSizeOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, bool> UseTrainSizeOption =
        ImagesTopic.Option("use-train-size", false,
            "evaluate at the training size, as where a checkpoint says it; with --no- at the model's test size (ResNets: 288)");

    internal static new readonly OptionTopic<ValidateOptions> BatchesTopic = new(RunOptions.BatchesTopic.Heading);

    /// <summary>Batches between two progress lines.</summary>
    public int LogFreq { get => LogFreqOption[this]; set => LogFreqOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, int> LogFreqOption =
        BatchesTopic.Option("log-freq", 10, "batches between two progress lines").AtLeast(1);

    internal static readonly OptionTopic<ValidateOptions> SharpnessTopic = new("Sharpness");

    /// <summary>Largest Hessian eigenvalue in place of accuracy; not available yet, so true is refused.</summary>
    public bool ValidateHessian { get => ValidateHessianOption[this]; set => ValidateHessianOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, bool> ValidateHessianOption =
        SharpnessTopic.Option("validate-hessian", false, "not available yet: largest Hessian eigenvalue")
            .RefusedWhen(o => o.ValidateHessian, "the Hessian's eigenvalues are not available yet; leave it out to measure accuracy.");

    /// <summary>Most iterations of the eigenvalue search.</summary>
    public int SharpnessIters { get => SharpnessItersOption[this]; set => SharpnessItersOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, int> SharpnessItersOption =
        SharpnessTopic.Option("sharpness-iters", 100, "iterations at most").AtLeast(1);

    /// <summary>Relative change of the eigenvalue at which the search ends.</summary>
    public double SharpnessTol { get => SharpnessTolOption[this]; set => SharpnessTolOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, double> SharpnessTolOption =
        SharpnessTopic.Option("sharpness-tol", 1e-4, "relative change at which to stop").Positive();

    internal static new readonly OptionTopic<ValidateOptions> MachineTopic = new(RunOptions.MachineTopic.Heading);

    /// <summary>Number of GPUs; only 1 is accepted.</summary>
    public int NumGpu { get => NumGpuOption[this]; set => NumGpuOption[this] = value; }
    internal static readonly OptionSpec<ValidateOptions, int> NumGpuOption =
        MachineTopic.Option("num-gpu", 1, "number of GPUs; only 1 can be used")
            .RefusedWhen(o => o.NumGpu != 1, o => $"only one device can be used, got {o.NumGpu}; leave the option out.");
}
