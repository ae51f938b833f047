namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>forgetting</c>.</summary>
public sealed partial record ForgettingOptions : CheckpointOptions
{
    /// <summary>Checkpoints and folders of runs, in the order in which they are measured. No option: they are named behind the
    /// command.</summary>
    public IReadOnlyList<string> Targets { get; set; } = [];

    internal static new readonly OptionTopic<ForgettingOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the split that the model was trained on.</summary>
    public string TrainSplit { get => TrainSplitOption[this]; set => TrainSplitOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> TrainSplitOption =
        DataTopic.Option("train-split", "train", "split the model was trained on; default: that of the checkpoint's run");

    /// <summary>Name of the split that it was not trained on.</summary>
    public string ValSplit { get => ValSplitOption[this]; set => ValSplitOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> ValSplitOption =
        DataTopic.Option("val-split", "validation", "split of held-out images; default: that of the checkpoint's run");

    internal static readonly OptionTopic<ForgettingOptions> CheckpointsTopic = new("Checkpoints");

    /// <summary>Which checkpoints of a run's folder are measured.</summary>
    public string Over { get => OverOption[this]; set => OverOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> OverOption =
        CheckpointsTopic.Choice("over", OverLast, "checkpoints of a run's folder: the last, the best, or all that were kept, by epoch",
            (OverLast, OverLast), (OverBest, OverBest), (OverAll, OverAll));

    internal const string OverLast = "last", OverBest = "best", OverAll = "all";

    internal static readonly OptionTopic<ForgettingOptions> MeasurementTopic = new("Measurement");

    /// <summary>Perturbations of each case, each from other training images.</summary>
    public int Perturbations { get => PerturbationsOption[this]; set => PerturbationsOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, int> PerturbationsOption =
        MeasurementTopic.Option("perturbations", 4, "perturbations of each combination, from other training images each; they are averaged")
            .Within(1, MostPerturbations);

    const int MostPerturbations = 100_000;

    /// <summary>Images of each split that are measured; 0 is all.</summary>
    public int Images { get => ImagesOption[this]; set => ImagesOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, int> ImagesOption =
        MeasurementTopic.Option("images", 1000, "images of each split that are measured; 0: all").AtLeast(0);

    /// <summary>Seed by which images are chosen and random directions drawn.</summary>
    public int SampleSeed { get => SampleSeedOption[this]; set => SampleSeedOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, int> SampleSeedOption =
        MeasurementTopic.Option("sample-seed", 42, "seed by which images are chosen and random directions drawn; the same for all models");

    /// <summary>What batch norm divides by.</summary>
    public string BatchNorm { get => BatchNormOption[this]; set => BatchNormOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> BatchNormOption =
        MeasurementTopic.Choice("batch-norm", RunningStatistics,
                "statistics of batch norm: running, as in evaluation, or of the batch, as SAM's passes in training",
                (RunningStatistics, RunningStatistics), (BatchStatistics, BatchStatistics))
            .NotedWhen(static o => o.BatchNorm == BatchStatistics && HasNoBatchNorm(o),
                static o => $"has no effect: {o.Model} has no batch norm.");

    /// <summary>Whether the largest eigenvalue of the Hessian is found too.</summary>
    public bool TopEigenvalue { get => TopEigenvalueOption[this]; set => TopEigenvalueOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, bool> TopEigenvalueOption =
        MeasurementTopic.Option("top-eigenvalue", false,
            "also find the top eigenvalue of the Hessian of the loss on the training images, to compare with");

    internal const string RunningStatistics = "running", BatchStatistics = "batch";

    internal static readonly OptionTopic<ForgettingOptions> OutputTopic = new("Output");

    /// <summary>The folder of the tables and plots.</summary>
    public string Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> OutOption =
        OutputTopic.Option("out", Path.Combine("output", "forgetting"),
            "folder of tables and plots; what it holds of the same measurement is not measured again").AFile();
}
