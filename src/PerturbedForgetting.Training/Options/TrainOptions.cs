using System.Text.Json;
using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Vision.Transforms;
using static PerturbedForgetting.Training.Options.ResumeRule;
using Filter = PerturbedForgetting.Vision.Transforms.Interpolation;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// All options of <c>train</c>, with the defaults of the reference. Paper symbols: rho is the perturbation radius, m the
/// perturbation batch, alpha GSAM's weight, gamma and lambda = 1/C the strength and threshold of output-bias forgetting.
/// </summary>
public sealed partial record TrainOptions : RunOptions
{
    internal static new readonly OptionTopic<TrainOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the training split.</summary>
    public string TrainSplit { get => TrainSplitOption[this]; set => TrainSplitOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> TrainSplitOption =
        DataTopic.Option("train-split", "train", "training split: a sub-folder of the data folder, or a split of the named set")
            .KnownAs("split").OnResume(BetweenEpochs());

    /// <summary>Name of the validation split.</summary>
    public string ValSplit { get => ValSplitOption[this]; set => ValSplitOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> ValSplitOption =
        DataTopic.Option("val-split", "validation", "validation split, likewise").KnownAs("split")
            .RefusedWhen(o => o.ValShare is not null && o.ValSplit.Length > 0 && o.ValSplit != new TrainOptions().ValSplit,
                "names what to validate on, and so does --val-share: leave one of them out.");

    internal static new readonly OptionTopic<TrainOptions> ModelTopic = new(RunOptions.ModelTopic.Heading);

    /// <summary>Start from the weights of <see cref="PretrainedPath"/>, which that path alone says too.</summary>
    public bool Pretrained { get => PretrainedOption[this]; set => PretrainedOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> PretrainedOption =
        ModelTopic.Option("pretrained", false, "start from the weights of --pretrained-path, which that option alone does too")
            .RefusedWhen(o => o.Pretrained && o.PretrainedPath is null, "needs --pretrained-path FILE: no weights are downloaded.")
            .OnResume(Used(WeightsOfCheckpoint));

    /// <summary>File of weights to start from, in any format of <see cref="Tensors.Serialization.WeightsFile"/>; its head is replaced when
    /// the number of classes differs.</summary>
    public string? PretrainedPath { get => PretrainedPathOption[this]; set => PretrainedPathOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string?> PretrainedPathOption =
        ModelTopic.Option<string?>("pretrained-path", null,
                "weights to start from: safetensors, .pth, .bin, .npz; the head is renewed when classes differ")
            .AFile().OnResume(Used(WeightsOfCheckpoint));

    /// <summary>Entry of a PyTorch checkpoint that holds the weights; null takes averaged weights (EMA) before others.</summary>
    public string? PretrainedKey { get => PretrainedKeyOption[this]; set => PretrainedKeyOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string?> PretrainedKeyOption =
        ModelTopic.Option<string?>("pretrained-key", null,
                "entry of a PyTorch file that holds the weights, such as teacher; default: averaged ones (EMA) first")
            .KnownAs("key").RefusedWhen(o => o.PretrainedKey is not null && o.PretrainedPath is null, "needs --pretrained-path FILE.")
            .OnResume(Used(WeightsOfCheckpoint));

    /// <summary>Filter with which a position embedding of another image size is resized; null refuses it.</summary>
    public Filter? ResizePosEmbed { get => ResizePosEmbedOption[this]; set => ResizePosEmbedOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, Filter?> ResizePosEmbedOption =
        ModelTopic.Choice<Filter?>("resize-pos-embed", Filter.Bicubic,
                "how to fit a position embedding of another image size; empty: refuse it", Filters).KnownAs("resize")
            .OnResume(Used(WeightsOfCheckpoint));

    /// <summary>Constant that the classifier's bias starts from.</summary>
    public double? HeadInitBias { get => HeadInitBiasOption[this]; set => HeadInitBiasOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double?> HeadInitBiasOption =
        ModelTopic.Option<double?>("head-init-bias", null, "constant the classifier's bias starts from")
            .OnResume(Used(WeightsOfCheckpoint));

    /// <summary>Dropout before the classifier.</summary>
    public double Drop { get => DropOption[this]; set => DropOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> DropOption =
        ModelTopic.Option("drop", 0.0, "dropout before the classifier").AShare();

    /// <summary>Momentum of the running statistics of batch norm.</summary>
    public double? BnMomentum { get => BnMomentumOption[this]; set => BnMomentumOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double?> BnMomentumOption =
        ModelTopic.Option<double?>("bn-momentum", null, "momentum of batch norm's running statistics").Within(0, 1)
            .RefusedWhen(o => o.BnMomentum is not null && HasNoBatchNorm(o), WithoutBatchNorm);

    internal static new readonly OptionTopic<TrainOptions> ImagesTopic = new(RunOptions.ImagesTopic.Heading);

    /// <summary>Range of the random crop's share of the image's area.</summary>
    public double[] Scale { get => ScaleOption[this]; set => ScaleOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double[]> ScaleOption =
        ImagesTopic.Option<double[]>("scale", [0.05, 1.0], "random crop: least and largest share of the area")
            .Must(v => v is [> 0, <= 1] && v[0] <= v[1], "takes two shares with 0 < least <= largest <= 1");

    /// <summary>Range of the random crop's aspect ratio, drawn log-uniformly.</summary>
    public double[] Ratio { get => RatioOption[this]; set => RatioOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double[]> RatioOption =
        ImagesTopic.Option<double[]>("ratio", [0.75, 1.3333], "random crop: least and largest aspect ratio")
            .Must(v => v is [> 0, > 0] && v[0] <= v[1], "takes two positive ratios, least first");

    /// <summary>Probability of a horizontal flip.</summary>
    public double Hflip { get => HflipOption[this]; set => HflipOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> HflipOption =
        ImagesTopic.Option("hflip", 0.5, "probability of a horizontal flip").KnownAs(nameof(RandomResizedCrop.Flip)).Within(0, 1);

    /// <summary>Pad the image by this many pixels and crop at random, in place of the random resized crop; null keeps the latter.</summary>
    public int? CropPadding { get => CropPaddingOption[this]; set => CropPaddingOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int?> CropPaddingOption =
        ImagesTopic.Option<int?>("crop-padding", null, "pad by N pixels and crop at random, instead of the random resized crop")
            .Within(0, LargestImage);

    internal static new readonly OptionTopic<TrainOptions> BatchesTopic = new(RunOptions.BatchesTopic.Heading);

    /// <summary>Images in a validation batch; null takes <see cref="RunOptions.BatchSize"/>.</summary>
    public int? ValidationBatchSize { get => ValidationBatchSizeOption[this]; set => ValidationBatchSizeOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int?> ValidationBatchSizeOption =
        BatchesTopic.Option<int?>("validation-batch-size", null, "images in a validation batch; default: --batch-size", "-vb").AtLeast(1);

    /// <summary>Micro-batches A whose gradients make one update.</summary>
    public int GradAccumSteps { get => GradAccumStepsOption[this]; set => GradAccumStepsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> GradAccumStepsOption =
        BatchesTopic.Option("grad-accum-steps", 1, "micro-batches whose gradients make one update").AtLeast(1)
            .OnResume(BetweenEpochs(UpdatesCountAnew));

    internal static readonly OptionTopic<TrainOptions> OptimizerTopic = new("Optimizer");

    /// <summary>The optimizer.</summary>
    public OptimizerName Opt { get => OptOption[this]; set => OptOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, OptimizerName> OptOption =
        OptimizerTopic.Choice("opt", new OptimizerName(PerturbationKind.None, UpdateRule.Sgd),
                "optimizer; sam_ perturbs by the gradient, randsam_ at random",
                [.. OptimizerName.All.Select(o => (o.ToString(), o))])
            .OnResume(RefusedWhere((before, after) => HasAdamsState(before) == HasAdamsState(after) ? null
                : "the state of the optimiser is of another kind; start a new run with --pretrained, or stay with "
                    + (HasAdamsState(before) ? "adam and adamw" : "sgd and sgdw") + " and their sam_ and randsam_ forms"));

    /// <summary>Epsilon of Adam; null is 1e-8.</summary>
    public double? OptEps { get => OptEpsOption[this]; set => OptEpsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double?> OptEpsOption =
        OptimizerTopic.Option<double?>("opt-eps", null, "epsilon of adam, adamw").KnownAs(nameof(OptimizerOptions.Epsilon))
            .RefusedWhen(o => o.OptEps is not null && !o.Opt.IsAdam,
                o => $"belongs to adam and adamw, not to {OptOption.Show(o)}; leave it out.")
            .Positive();

    /// <summary>Betas of Adam; null is 0.9 and 0.999.</summary>
    public double[]? OptBetas { get => OptBetasOption[this]; set => OptBetasOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double[]?> OptBetasOption =
        OptimizerTopic.Option<double[]?>("opt-betas", null, "betas of adam, adamw: 2 numbers")
            .KnownAs(nameof(OptimizerOptions.Betas)).KnownAs("beta1").KnownAs("beta2")
            .RefusedWhen(o => o.OptBetas is not null && !o.Opt.IsAdam,
                o => $"belongs to adam and adamw, not to {OptOption.Show(o)}; use --momentum.")
            .Must(v => v is [>= 0 and < 1, >= 0 and < 1], "takes two numbers of at least 0 and below 1");

    /// <summary>Momentum mu of SGD.</summary>
    public double Momentum { get => MomentumOption[this]; set => MomentumOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> MomentumOption =
        OptimizerTopic.Option("momentum", 0.9, "momentum of sgd, sgdw").AShare()
            .NotedWhen(o => o.Opt.IsAdam && o.Momentum != 0.9, o => $"has no effect with {o.Opt}; its averages are --opt-betas.")
            .OnResume(Used("from the next update on; a momentum that was off starts from zero"));

    /// <summary>Weight decay; 0 also leaves all parameters in one group.</summary>
    public double WeightDecay { get => WeightDecayOption[this]; set => WeightDecayOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> WeightDecayOption =
        OptimizerTopic.Option("weight-decay", 2e-5, "weight decay; not for biases and normalisation").NotNegative();

    /// <summary>Largest global norm of the gradient; null or not positive does not clip.</summary>
    public double? ClipGrad { get => ClipGradOption[this]; set => ClipGradOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double?> ClipGradOption =
        OptimizerTopic.Option<double?>("clip-grad", null, "largest global norm of the gradient; 0: no clipping")
            .NotedWhen(o => o.ClipGrad <= 0, "is not positive, so gradients are not clipped.")
            .RefusedWhen(o => o.ClipGrad is double.NaN, "is not a number.");

    /// <summary>Shrink-and-perturb factor f0.</summary>
    public double SnpFactor { get => SnpFactorOption[this]; set => SnpFactorOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> SnpFactorOption =
        OptimizerTopic.Option("snp-factor", 0.0, "shrink and perturb: share of the initial weights mixed in before an update").Within(0, 1)
            .OnResume(Used("weights shrink toward the initial ones of this run's seed where the checkpoint holds none"));

    /// <summary>More arguments of the optimizer.</summary>
    public IReadOnlyDictionary<string, object?> OptKwargs { get => OptKwargsOption[this]; set => OptKwargsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, IReadOnlyDictionary<string, object?>> OptKwargsOption =
        OptimizerTopic.Option<IReadOnlyDictionary<string, object?>>("opt-kwargs", new Dictionary<string, object?>(),
                "more arguments of the optimizer")
            .RefusedForEach(o => o.OptKwargs.Keys.Select(key =>
                $"'{key}' is not known: every argument of the optimizers has its own option "
                + "(--momentum, --opt-betas, --opt-eps, --weight-decay)."));

    const string WeightsOfCheckpoint = "without effect, because the weights come from the checkpoint";

    static bool HasAdamsState(JsonNode? opt) =>
        opt?.GetValueKind() == JsonValueKind.String && OptimizerName.All.Any(o => o.IsAdam && o.ToString() == opt.GetValue<string>());
}
