namespace PerturbedForgetting.Training.Options;

/// <summary>
/// All options of <c>train</c>, with the defaults of the reference. Paper symbols: rho is the perturbation radius, m the
/// perturbation batch, alpha GSAM's weight, gamma and lambda = 1/C the strength and threshold of output-bias forgetting.
/// </summary>
public sealed record TrainOptions : RunOptions
{
    // Data.

    /// <summary>Name of the training split.</summary>
    public string TrainSplit { get; set; } = "train";

    /// <summary>Name of the validation split.</summary>
    public string ValSplit { get; set; } = "validation";

    /// <summary>Images in a validation batch; null takes <see cref="RunOptions.BatchSize"/>.</summary>
    public int? ValidationBatchSize { get; set; }

    /// <summary>Micro-batches A whose gradients make one update.</summary>
    public int GradAccumSteps { get; set; } = 1;

    /// <summary>Range of the random crop's share of the image's area.</summary>
    public double[] Scale { get; set; } = [0.05, 1.0];

    /// <summary>Range of the random crop's aspect ratio, drawn log-uniformly.</summary>
    public double[] Ratio { get; set; } = [0.75, 1.3333];

    /// <summary>Probability of a horizontal flip.</summary>
    public double Hflip { get; set; } = 0.5;

    /// <summary>Pad the image by this many pixels and crop at random, in place of the random resized crop; null keeps the latter.</summary>
    public int? CropPadding { get; set; }

    // Model.

    /// <summary>Start from the weights of <see cref="PretrainedPath"/>.</summary>
    public bool Pretrained { get; set; }

    /// <summary>Safetensors file of weights to start from; its head is replaced when the number of classes differs.</summary>
    public string? PretrainedPath { get; set; }

    /// <summary>Filter with which a position embedding of another image size is resized: <c>bilinear</c> or <c>bicubic</c>; empty refuses it.</summary>
    public string ResizePosEmbed { get; set; } = "";

    /// <summary>Checkpoint to continue from; <c>auto</c> takes the newest valid one of the experiment's folder.</summary>
    public string Resume { get; set; } = "";

    /// <summary>Constant that the classifier's bias starts from.</summary>
    public double? HeadInitBias { get; set; }

    /// <summary>Dropout before the classifier.</summary>
    public double Drop { get; set; }

    /// <summary>Momentum of the running statistics of batch norm.</summary>
    public double? BnMomentum { get; set; }

    /// <summary>Epsilon of batch norm.</summary>
    public double? BnEps { get; set; }

    // Optimizer.

    /// <summary>Optimizer: <c>sgd</c>, <c>sgdw</c>, <c>adam</c>, <c>adamw</c>, each also with the prefix <c>sam_</c> or <c>randsam_</c>.</summary>
    public string Opt { get; set; } = "sgd";

    /// <summary>Epsilon of Adam; null is 1e-8.</summary>
    public double? OptEps { get; set; }

    /// <summary>Betas of Adam; null is 0.9 and 0.999.</summary>
    public double[]? OptBetas { get; set; }

    /// <summary>Momentum mu of SGD.</summary>
    public double Momentum { get; set; } = 0.9;

    /// <summary>Weight decay; 0 also leaves all parameters in one group.</summary>
    public double WeightDecay { get; set; } = 2e-5;

    /// <summary>Largest global norm of the gradient; null or not positive does not clip.</summary>
    public double? ClipGrad { get; set; }

    /// <summary>Shrink-and-perturb factor f0.</summary>
    public double SnpFactor { get; set; }

    /// <summary>More arguments of the optimizer.</summary>
    public IReadOnlyDictionary<string, object?> OptKwargs { get; set; } = new Dictionary<string, object?>();

    // Perturbation.

    /// <summary>Perturbation batch m; not positive takes the batch size.</summary>
    public int SharpnessM { get; set; } = -1;

    /// <summary>GSAM's alpha; 0 makes no decomposition.</summary>
    public double GsamAlpha { get; set; }

    /// <summary>ASAM: scale the perturbation by |w|.</summary>
    public bool AdaptiveSam { get; set; }

    /// <summary>ASAM: scale the gradient before it is normalised.</summary>
    public bool AsamBeforeNorm { get; set; }

    /// <summary>ASAM: scale the direction after it is normalised.</summary>
    public bool AsamAfterNorm { get; set; }

    /// <summary>GSAM decomposes the normalised clean gradient.</summary>
    public bool BackupNormalized { get; set; }

    /// <summary>How rho follows the learning rate: <c>constant</c> or <c>lr_prop</c>.</summary>
    public string RhoPolicy { get; set; } = "constant";

    /// <summary>Perturbation radius rho; the largest one with <c>lr_prop</c>.</summary>
    public double Rho { get; set; } = 0.6;

    /// <summary>Smallest radius with <c>lr_prop</c>.</summary>
    public double MinRho { get; set; }

    /// <summary>What the perturbation maximises: <c>maximize</c> (the training loss) or <c>obf</c> (output-bias forgetting).</summary>
    public string PerturbLoss { get; set; } = "maximize";

    /// <summary>C = 1/lambda of output-bias forgetting; negative means lambda = 0.</summary>
    public double ObfC { get; set; } = 1000;

    /// <summary>gamma of output-bias forgetting, in [0, 1].</summary>
    public double ObfGamma { get; set; } = 1;

    // Schedule.

    /// <summary>Schedule of the learning rate: <c>linear</c>.</summary>
    public string Sched { get; set; } = "linear";

    /// <summary>Learning rate; null or 0 derives it from <see cref="LrBase"/> (see <see cref="EffectiveLr"/>).</summary>
    public double? Lr { get; set; }

    /// <summary>Learning rate for <see cref="LrBaseSize"/> images an update.</summary>
    public double LrBase { get; set; } = 0.1;

    /// <summary>Images an update that <see cref="LrBase"/> is meant for.</summary>
    public int LrBaseSize { get; set; } = 256;

    /// <summary>How the rate grows with the batch: <c>linear</c>, <c>sqrt</c>, or empty for the optimizer's own.</summary>
    public string LrBaseScale { get; set; } = "";

    /// <summary>Learning rate of the first update of the warm-up.</summary>
    public double WarmupLr { get; set; } = 1e-5;

    /// <summary>Epochs of warm-up.</summary>
    public int WarmupEpochs { get; set; } = 5;

    /// <summary>Learning rate that the schedule ends at.</summary>
    public double MinLr { get; set; }

    /// <summary>Epochs of the whole run.</summary>
    public int Epochs { get; set; } = 300;

    /// <summary>Epoch to begin with, whatever a checkpoint says.</summary>
    public int? StartEpoch { get; set; }

    // Run.

    /// <summary>Seed of everything random.</summary>
    public int Seed { get; set; } = 42;

    /// <summary>Updates between two progress lines; a GPU's numbers are read no oftener.</summary>
    public int LogInterval { get; set; } = 50;

    /// <summary>Training steps to record after a short warm-up, for a profile in the run's folder; 0 records none.</summary>
    public int Profile { get; set; }

    /// <summary>Updates between two recovery checkpoints; 0 writes none.</summary>
    public int RecoveryInterval { get; set; }

    /// <summary>Best checkpoints that are kept.</summary>
    public int CheckpointHist { get; set; } = 10;

    /// <summary>Folder of results; empty is <c>output/train</c>.</summary>
    public string Output { get; set; } = "";

    /// <summary>Sub-folder of this run; empty is made of time, model and size.</summary>
    public string Experiment { get; set; } = "";

    /// <summary>Metric that chooses the best checkpoint: <c>top1</c>, <c>top5</c>, <c>loss</c>.</summary>
    public string EvalMetric { get; set; } = "top1";

    /// <summary>What happens when the loss is not finite: <c>stop</c>, or <c>skip</c> the update (counted).</summary>
    public string OnNan { get; set; } = "stop";

    /// <summary>Running statistics over several workers; with one worker nothing is exchanged.</summary>
    public string DistBn { get; set; } = "reduce";

    /// <summary>Wait for the device after each step and read its numbers, not only at the log interval; the CPU always does.</summary>
    public bool SynchronizeStep { get; set; }

    /// <summary>Record the step once and replay it as a CUDA graph: <c>auto</c> where the device can, <c>on</c>, <c>off</c>.</summary>
    public string CudaGraph { get; set; } = "auto";

    /// <summary>Rank of this process; only 0 is accepted.</summary>
    public int LocalRank { get; set; }

    /// <summary>Log to Weights and Biases; not available, so true is refused.</summary>
    public bool LogWandb { get; set; }

    /// <summary>
    /// The learning rate of the schedule: <see cref="Lr"/> when given and not 0, else <see cref="LrBase"/> times the ratio r of images an
    /// update (B·A) to <see cref="LrBaseSize"/>, or times its square root (default for optimizers whose name holds <c>ada</c> or <c>lamb</c>).
    /// </summary>
    public double EffectiveLr
    {
        get
        {
            if (Lr is { } lr && lr != 0)
                return lr;
            double ratio = (double)BatchSize * GradAccumSteps / LrBaseSize;
            bool adaptive = Opt.Contains("ada", StringComparison.OrdinalIgnoreCase) || Opt.Contains("lamb", StringComparison.OrdinalIgnoreCase);
            string scale = LrBaseScale.Length > 0 ? LrBaseScale : adaptive ? "sqrt" : "linear";
            return LrBase * (scale == "sqrt" ? Math.Sqrt(ratio) : ratio);
        }
    }

    /// <summary>Whether the optimizer perturbs: <c>sam_*</c> or <c>randsam_*</c>.</summary>
    public bool Perturbs => Opt.StartsWith("sam_", StringComparison.Ordinal) || Opt.StartsWith("randsam_", StringComparison.Ordinal);

    /// <summary>The optimizer without its prefix: <c>sgd</c>, <c>sgdw</c>, <c>adam</c> or <c>adamw</c>.</summary>
    public string BaseOptimizer => Perturbs ? Opt[(Opt.IndexOf('_', StringComparison.Ordinal) + 1)..] : Opt;

    /// <summary>Everything that is wrong with these options, all at once; empty when they can be used.</summary>
    public IReadOnlyList<OptionProblem> Validate() => OptionRules.Check(this);
}
