namespace PerturbedForgetting.Training.Options;

/// <summary>The options of commands that use a trained model: which one, and what it sees of an image.</summary>
public abstract record CheckpointOptions : RunOptions
{
    /// <summary>Creates the defaults.</summary>
    protected CheckpointOptions()
    {
        BatchSize = 256;
    }

    internal static new readonly OptionTopic<CheckpointOptions> ModelTopic = new(RunOptions.ModelTopic.Heading);

    /// <summary>Checkpoint to use; empty means freshly initialised weights, with a warning.</summary>
    public string Checkpoint { get => CheckpointOption[this]; set => CheckpointOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, string> CheckpointOption =
        ModelTopic.Option("checkpoint", "", "checkpoint to evaluate; without one, fresh weights and a warning");

    /// <summary>Entry of a PyTorch checkpoint that holds the weights; null takes averaged weights (EMA) before others.</summary>
    public string? CheckpointKey { get => CheckpointKeyOption[this]; set => CheckpointKeyOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, string?> CheckpointKeyOption =
        ModelTopic.Option<string?>("checkpoint-key", null,
                "entry of a PyTorch file that holds the weights, such as teacher; default: averaged ones (EMA) first")
            .KnownAs("key").RefusedWhen(o => o.CheckpointKey is not null && o.Checkpoint.Length == 0, "needs --checkpoint FILE.");

    internal static new readonly OptionTopic<CheckpointOptions> ImagesTopic = new(RunOptions.ImagesTopic.Heading);

    /// <summary>Evaluate at the training image size in place of the model's larger test size.</summary>
    public bool UseTrainSize { get => UseTrainSizeOption[this]; set => UseTrainSizeOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, bool> UseTrainSizeOption =
        ImagesTopic.Option("use-train-size", false,
            "evaluate at the training size, as where a checkpoint says it; with --no- at the model's test size (ResNets: 288)");

    internal static new readonly OptionTopic<CheckpointOptions> BatchesTopic = new(RunOptions.BatchesTopic.Heading);

    /// <summary>Batches between two progress lines.</summary>
    public int LogFreq { get => LogFreqOption[this]; set => LogFreqOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, int> LogFreqOption =
        BatchesTopic.Option("log-freq", 10, "batches between two progress lines").AtLeast(1);

    internal static readonly OptionTopic<CheckpointOptions> AnswersTopic = new("Answers");

    /// <summary>Classes that are told of each image.</summary>
    public int TopK { get => TopKOption[this]; set => TopKOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, int> TopKOption =
        AnswersTopic.Option("topk", 5, "classes told of each image, the likeliest first").Within(1, MostClasses);

    /// <summary>What logits become; null is what the model was trained for.</summary>
    public string? Scores { get => ScoresOption[this]; set => ScoresOption[this] = value; }
    internal static readonly OptionSpec<CheckpointOptions, string?> ScoresOption = AnswersTopic.ChoiceOrNull("scores",
        "softmax: probabilities that add up to 1; sigmoid: one a class for itself; default: as the model was trained",
        AnswerScores.Softmax, AnswerScores.Sigmoid);
}
