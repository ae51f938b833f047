using System.Text;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Training.Schedules;
using static PerturbedForgetting.Training.Options.ResumeRule;

namespace PerturbedForgetting.Training.Options;

/// <summary>Learning rate over time, where a run begins and ends, and what it leaves behind.</summary>
public sealed partial record TrainOptions
{
    internal static readonly OptionTopic<TrainOptions> ScheduleTopic = new("Schedule");

    /// <summary>Epochs of the whole run.</summary>
    public int Epochs { get => EpochsOption[this]; set => EpochsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> EpochsOption =
        ScheduleTopic.Option("epochs", 300, "epochs of the whole run").AtLeast(1).OnResume(
            Used("warning, the schedule is computed anew for this number of epochs, so the learning rate jumps to the new curve"));

    /// <summary>Learning rate; null or 0 derives it from <see cref="LrBase"/> (see <see cref="EffectiveLr"/>).</summary>
    public double? Lr { get => LrOption[this]; set => LrOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double?> LrOption =
        ScheduleTopic.Option<double?>("lr", null, "learning rate; not given or 0: from --lr-base and the batch size").NotNegative()
            .KnownAs(nameof(LinearSchedule.BaseRate)).OnResume(Used(ScheduleAnew));

    /// <summary>Learning rate for <see cref="LrBaseSize"/> images an update.</summary>
    public double LrBase { get => LrBaseOption[this]; set => LrBaseOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> LrBaseOption =
        ScheduleTopic.Option("lr-base", 0.1, "learning rate for --lr-base-size images an update").NotNegative()
            .OnResume(Used(ScheduleAnew));

    /// <summary>Images an update that <see cref="LrBase"/> is meant for.</summary>
    public int LrBaseSize { get => LrBaseSizeOption[this]; set => LrBaseSizeOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> LrBaseSizeOption =
        ScheduleTopic.Option("lr-base-size", 256, "images an update that --lr-base is meant for").AtLeast(1).OnResume(Used(ScheduleAnew));

    /// <summary>How the rate grows with the batch; null is the optimizer's own way.</summary>
    public LrScale? LrBaseScale { get => LrBaseScaleOption[this]; set => LrBaseScaleOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, LrScale?> LrBaseScaleOption =
        ScheduleTopic.Choice<LrScale?>("lr-base-scale", null,
                "growth with the batch; empty: sqrt for adam-like names holding 'ada', else linear",
            ("linear", LrScale.Linear), ("sqrt", LrScale.Sqrt), ("", null)).OnResume(Used(ScheduleAnew));

    /// <summary>Schedule of the learning rate: <c>linear</c>.</summary>
    public string Sched { get => SchedOption[this]; set => SchedOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> SchedOption =
        ScheduleTopic.Choice("sched", "linear", "schedule of the learning rate", ("linear", "linear")).OnResume(Used(ScheduleAnew));

    /// <summary>Epochs of warm-up.</summary>
    public int WarmupEpochs { get => WarmupEpochsOption[this]; set => WarmupEpochsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> WarmupEpochsOption =
        ScheduleTopic.Option("warmup-epochs", 5, "epochs of warm-up").AtLeast(0).OnResume(Used(ScheduleAnew))
            .NotedWhen(o => o.WarmupEpochs >= o.Epochs && o.Epochs > 0, o =>
                $"{o.WarmupEpochs} of {Quantity.Of(o.Epochs, "epoch")}: the learning rate never reaches its full value.");

    /// <summary>Learning rate of the first update of the warm-up.</summary>
    public double WarmupLr { get => WarmupLrOption[this]; set => WarmupLrOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> WarmupLrOption =
        ScheduleTopic.Option("warmup-lr", 1e-5, "learning rate the warm-up begins at").NotNegative()
            .KnownAs("warmupRate").OnResume(Used(ScheduleAnew));

    /// <summary>Learning rate that the schedule ends at.</summary>
    public double MinLr { get => MinLrOption[this]; set => MinLrOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, double> MinLrOption =
        ScheduleTopic.Option("min-lr", 0.0, "learning rate at the end").NotNegative().KnownAs(nameof(LinearSchedule.MinRate))
            .OnResume(Used(ScheduleAnew))
            .NotedWhen(o => o.MinLr > o.EffectiveLr, o =>
                $"{OptionValue.Format(o.MinLr)} is above the learning rate {OptionValue.Format(o.EffectiveLr)}, "
                + "which therefore rises to the end.");

    /// <summary>Epochs to take as done, whatever a checkpoint says; the next one is trained first.</summary>
    public int? StartEpoch { get => StartEpochOption[this]; set => StartEpochOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int?> StartEpochOption =
        ScheduleTopic.Option<int?>("start-epoch", null, "epochs to take as done, whatever a checkpoint says: 3 begins with the fourth")
            .AtLeast(0).OnResume(OfThisStartUnsaid)
            .RefusedWhen(o => o.StartEpoch >= o.Epochs, o =>
                $"{Quantity.Of(o.StartEpoch!.Value, "epoch")} done leaves nothing of --epochs {o.Epochs}.");

    internal static readonly OptionTopic<TrainOptions> RunTopic = new("Run and results");

    /// <summary>Folder of results; empty is <c>output/train</c>.</summary>
    public string Output { get => OutputOption[this]; set => OutputOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> OutputOption =
        RunTopic.Option("output", "", "folder of results; default: output/train").OnResume(OfThisStartUnsaid)
            .RefusedWhen(o => o.Output.Split('/', '\\').Any(IsTooLong),
                $"has a part that is too long; file systems take no names of more than {LongestName} bytes.");

    /// <summary>Sub-folder of this run; empty is made of time, model and size.</summary>
    public string Experiment { get => ExperimentOption[this]; set => ExperimentOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> ExperimentOption =
        RunTopic.Option("experiment", "", "sub-folder of this run; default: time, model and size").OnResume(OfThisStartUnsaid)
            .RefusedWhen(o => o.Experiment.AsSpan().IndexOfAny('/', '\\') >= 0 || o.Experiment is ".." or ".", o =>
                $"'{o.Experiment}' must be a single folder name; the folder above it is --output.")
            .RefusedWhen(o => IsTooLong(o.Experiment),
                o => $"has {o.Experiment.Length} characters; file systems take no names of more than {LongestName} bytes.");

    /// <summary>Checkpoint to continue from; <c>auto</c> takes the newest valid one of the experiment's folder.</summary>
    public string Resume { get => ResumeOption[this]; set => ResumeOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string> ResumeOption =
        RunTopic.Option("resume", "", "checkpoint to continue from; auto: the newest valid one of the experiment")
            .OnResume(OfThisStartUnsaid)
            .RefusedWhen(o => o.Resume == "auto" && o.Experiment.Length == 0,
                "auto looks into the folder of the experiment; add --experiment NAME, or give the checkpoint's path.");

    /// <summary>Metric that chooses the best checkpoint.</summary>
    public EvalMetric EvalMetric { get => EvalMetricOption[this]; set => EvalMetricOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, EvalMetric> EvalMetricOption =
        RunTopic.Choice("eval-metric", EvalMetric.Top1, "metric that chooses the best checkpoint",
                ("top1", EvalMetric.Top1), ("top5", EvalMetric.Top5), ("loss", EvalMetric.Loss))
            .OnResume(Used("the best epoch is chosen anew among all epochs done"));

    /// <summary>Best checkpoints that are kept.</summary>
    public int CheckpointHist { get => CheckpointHistOption[this]; set => CheckpointHistOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> CheckpointHistOption =
        RunTopic.Option("checkpoint-hist", 10, "best checkpoints that are kept").AtLeast(1);

    /// <summary>Updates between two recovery checkpoints; 0 writes none.</summary>
    public int RecoveryInterval { get => RecoveryIntervalOption[this]; set => RecoveryIntervalOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> RecoveryIntervalOption =
        RunTopic.Option("recovery-interval", 0, "updates between recovery checkpoints; 0: none").AtLeast(0);

    /// <summary>Updates between two progress lines; a GPU's numbers are read no oftener.</summary>
    public int LogInterval { get => LogIntervalOption[this]; set => LogIntervalOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> LogIntervalOption =
        RunTopic.Option("log-interval", 50, "updates between two progress lines, and between two looks at a GPU's numbers").AtLeast(1);

    /// <summary>Print and keep the norms of the perturbation and of the gradient that an update is made of.</summary>
    public bool LogNorms { get => LogNormsOption[this]; set => LogNormsOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> LogNormsOption =
        RunTopic.Option("log-norms", false, "norms of perturbation and gradient: in progress lines, summary.csv, results.json");

    /// <summary>Write what is read at the log interval, and each epoch, as lines of JSON.</summary>
    public bool LogJson { get => LogJsonOption[this]; set => LogJsonOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> LogJsonOption =
        RunTopic.Option("log-json", false, "losses, rates, norms, accuracies and the like as lines of JSON: log.jsonl in the run's folder");

    /// <summary>Write the same as event files of TensorBoard.</summary>
    public bool LogTensorboard { get => LogTensorboardOption[this]; set => LogTensorboardOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> LogTensorboardOption =
        RunTopic.Option("log-tensorboard", false, "the same, options included, as event files of TensorBoard in the run's folder");

    /// <summary>Write event files, and say with which command Weights and Biases takes them.</summary>
    public bool LogWandb { get => LogWandbOption[this]; set => LogWandbOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> LogWandbOption =
        RunTopic.Option("log-wandb", false, "event files as --log-tensorboard, and the command that sends them to Weights & Biases");

    /// <summary>Training steps to record after a short warm-up, for a profile in the run's folder; 0 records none.</summary>
    public int Profile { get => ProfileOption[this]; set => ProfileOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> ProfileOption =
        RunTopic.Option("profile", 0, "steps to record after a warm-up: a table, profile.csv, profile.trace.json; 0: none").AtLeast(0)
            .OnResume(OfThisStart);

    /// <summary>Card whose least times the profile shows, too; null for none.</summary>
    public string? Roofline { get => RooflineOption[this]; set => RooflineOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, string?> RooflineOption =
        RunTopic.ChoiceOrNull("roofline", "card whose least times the profile shows, too, computed from bytes and operations",
                [.. Card.All.Select(static c => c.Name)])
            .OnResume(OfThisStart)
            .RefusedWhen(o => o.Roofline is not null && o.Profile == 0, "belongs to a profile: add --profile 1.")
            .RefusedWhen(o => o.Roofline is not null && o.Device == "cpu",
                "is of launches, and the CPU has none: use --device sim, or cuda.");

    /// <summary><see cref="Roofline"/> with the precision of the run.</summary>
    internal Roofline? RooflineOfCard => Roofline is { } name ? new(Card.Find(name)!, Precision == GpuPrecision.Tf32) : null;

    /// <summary>What happens when the loss is not finite.</summary>
    public NotFiniteAction OnNan { get => OnNanOption[this]; set => OnNanOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, NotFiniteAction> OnNanOption =
        RunTopic.Choice("on-nan", NotFiniteAction.Stop, "when a loss is not finite: stop, or skip the update",
            ("stop", NotFiniteAction.Stop), ("skip", NotFiniteAction.Skip));

    /// <summary>Seed of everything random.</summary>
    public int Seed { get => SeedOption[this]; set => SeedOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> SeedOption =
        RunTopic.Option("seed", 42, "seed of everything random").OnResume(BetweenEpochs());

    internal static new readonly OptionTopic<TrainOptions> MachineTopic = new(RunOptions.MachineTopic.Heading);

    /// <summary>Wait for the device after each step and read its numbers, not only at the log interval; the CPU always does.</summary>
    public bool SynchronizeStep { get => SynchronizeStepOption[this]; set => SynchronizeStepOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool> SynchronizeStepOption =
        MachineTopic.Option("synchronize-step", false, "wait for the device after each step (the CPU always does)").OnResume(OfThisStart)
            .NotedWhen(o => o.SynchronizeStep && o.Device == "cpu", "has no effect on the CPU, where every step is synchronous.");

    /// <summary>Record the step once and replay it as a CUDA graph; null where the device can.</summary>
    public bool? CudaGraph { get => CudaGraphOption[this]; set => CudaGraphOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, bool?> CudaGraphOption =
        MachineTopic.Choice<bool?>("cuda-graph", null,
                "replay the step as a CUDA graph: where the device has them, or else an error, or never",
                ("auto", null), ("on", true), ("off", false))
            .OnResume(OfThisStart)
            .RefusedWhen(o => o.CudaGraph == true && o.Device == "cpu", "the CPU has no graphs: use auto or off, or --device cuda.");

    /// <summary>Running statistics after each epoch of several processes; with one nothing is exchanged.</summary>
    public DistBn DistBn { get => DistBnOption[this]; set => DistBnOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, DistBn> DistBnOption =
        MachineTopic.Choice("dist-bn", DistBn.Reduce,
            "running statistics of batch norm after each epoch of several processes: their mean, those of the first, or each its own",
            ("reduce", DistBn.Reduce), ("broadcast", DistBn.Broadcast), ("", DistBn.None));

    /// <summary>In what form gradients travel between processes.</summary>
    public CommDtype CommDtype { get => CommDtypeOption[this]; set => CommDtypeOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, CommDtype> CommDtypeOption =
        MachineTopic.Choice("comm-dtype", CommDtype.Float32, "gradients between processes: as they are, or rounded to bfloat16 on their way",
            ("float32", CommDtype.Float32), ("bf16", CommDtype.BFloat16));

    /// <summary>Rank of this process on its machine, as some launchers give it; the environment's value is taken in its place.</summary>
    public int LocalRank { get => LocalRankOption[this]; set => LocalRankOption[this] = value; }
    internal static readonly OptionSpec<TrainOptions, int> LocalRankOption =
        MachineTopic.Option("local_rank", 0, "taken from launchers that give it; the environment (LOCAL_RANK and the like) decides")
            .AtLeast(0).OnResume(OfThisStartUnsaid).OfAProcess()
            .NotedWhen(o => o.LocalRank != 0, "has no effect: the environment (LOCAL_RANK and the like) says which process this is.");

    /// <summary>Processes that train together, each on batches of <see cref="RunOptions.BatchSize"/>. No option: the trainer sets
    /// it.</summary>
    public int WorldSize { get; set; } = 1;

    /// <summary>
    /// The learning rate of the schedule: <see cref="Lr"/> when given and not 0, else <see cref="LrBase"/> times the ratio r of images an
    /// update (B·A·<see cref="WorldSize"/>) to <see cref="LrBaseSize"/>, or times its square root (default for Adam and AdamW).
    /// </summary>
    public double EffectiveLr
    {
        get
        {
            if (Lr is { } lr && lr != 0)
                return lr;
            double ratio = (double)BatchSize * GradAccumSteps * WorldSize / LrBaseSize;
            LrScale scale = LrBaseScale ?? (Opt.IsAdam ? LrScale.Sqrt : LrScale.Linear);
            return LrBase * (scale == LrScale.Sqrt ? Math.Sqrt(ratio) : ratio);
        }
    }

    const int LongestName = 255;

    static bool IsTooLong(string name) => Encoding.UTF8.GetByteCount(name) > LongestName;

    const string ScheduleAnew = "the schedule is computed anew for the whole run and continues at the update that was reached";
}
