namespace PerturbedForgetting.Training.Options;

/// <summary>The tables of options: names, help and access, one line an option.</summary>
public static class OptionTables
{
    static readonly Lazy<OptionTable> LazyTrain = new(BuildTrain);
    static readonly Lazy<OptionTable> LazyValidate = new(BuildValidate);
    static readonly Lazy<OptionTable> LazyDataCheck = new(BuildDataCheck);

    /// <summary>Options of <c>train</c>.</summary>
    public static OptionTable Train => LazyTrain.Value;

    /// <summary>Options of <c>validate</c>.</summary>
    public static OptionTable Validate => LazyValidate.Value;

    /// <summary>The options of <c>train</c> that <c>data check</c> takes.</summary>
    public static OptionTable DataCheck => LazyDataCheck.Value;

    /// <summary>The table for these options.</summary>
    public static OptionTable For(RunOptions options) => options is TrainOptions ? Train : Validate;

    static OptionTable BuildTrain()
    {
        OptionTableBuilder<TrainOptions> t = new();
        AddTrainData(t);
        AddModel(t);
        t.Switch("pretrained", o => o.Pretrained, (o, v) => o.Pretrained = v, "start from the weights of --pretrained-path");
        t.TextOrNull("pretrained-path", o => o.PretrainedPath, (o, v) => o.PretrainedPath = v, "safetensors file to start from; the head is renewed when classes differ");
        t.Text("resize-pos-embed", o => o.ResizePosEmbed, (o, v) => o.ResizePosEmbed = v, "how to fit a position embedding of another image size; empty: refuse it", null, "bilinear", "bicubic", "");
        t.NumberOrNull("head-init-bias", o => o.HeadInitBias, (o, v) => o.HeadInitBias = v, "constant the classifier's bias starts from");
        t.Number("drop", o => o.Drop, (o, v) => o.Drop = v, "dropout before the classifier");
        t.NumberOrNull("bn-momentum", o => o.BnMomentum, (o, v) => o.BnMomentum = v, "momentum of batch norm's running statistics");
        t.NumberOrNull("bn-eps", o => o.BnEps, (o, v) => o.BnEps = v, "epsilon of batch norm");
        AddImages(t);
        t.Numbers("scale", o => o.Scale, (o, v) => o.Scale = v, "random crop: least and largest share of the area");
        t.Numbers("ratio", o => o.Ratio, (o, v) => o.Ratio = v, "random crop: least and largest aspect ratio");
        t.Number("hflip", o => o.Hflip, (o, v) => o.Hflip = v, "probability of a horizontal flip");
        t.IntegerOrNull("crop-padding", o => o.CropPadding, (o, v) => o.CropPadding = v, "pad by N pixels and crop at random, instead of the random resized crop");
        AddBatches(t);
        t.IntegerOrNull("validation-batch-size", o => o.ValidationBatchSize, (o, v) => o.ValidationBatchSize = v, "images in a validation batch; default: --batch-size", "-vb");
        t.Integer("grad-accum-steps", o => o.GradAccumSteps, (o, v) => o.GradAccumSteps = v, "micro-batches whose gradients make one update");
        AddLoss(t);
        AddTrainOptimizer(t);
        AddTrainPerturbation(t);
        AddTrainSchedule(t);
        AddTrainRun(t);
        AddMachine(t);
        t.Switch("synchronize-step", o => o.SynchronizeStep, (o, v) => o.SynchronizeStep = v, "wait for the device after each step (the CPU always does)");
        t.Text("cuda-graph", o => o.CudaGraph, (o, v) => o.CudaGraph = v, "replay the step as a CUDA graph: where the device has them, or else an error, or never", null, "auto", "on", "off");
        t.Text("dist-bn", o => o.DistBn, (o, v) => o.DistBn = v, "batch norm statistics over workers; there is one worker", null, "reduce", "broadcast", "");
        t.Integer("local_rank", o => o.LocalRank, (o, v) => o.LocalRank = v, "rank of this process; only 0 can be used");
        t.Switch("log-wandb", o => o.LogWandb, (o, v) => o.LogWandb = v, "not available: results are files in the run's folder");
        return t.Build();
    }

    static OptionTable BuildValidate()
    {
        OptionTableBuilder<ValidateOptions> t = new();
        AddData(t);
        t.Text("split", o => o.Split, (o, v) => o.Split = v, "split to evaluate: a sub-folder of the data folder, or a split of the named set");
        AddModel(t);
        t.Text("checkpoint", o => o.Checkpoint, (o, v) => o.Checkpoint = v, "checkpoint to evaluate; without one, fresh weights and a warning");
        AddImages(t);
        t.Switch("use-train-size", o => o.UseTrainSize, (o, v) => o.UseTrainSize = v, "evaluate at the training size (ResNets otherwise use 288)");
        AddBatches(t);
        t.Integer("log-freq", o => o.LogFreq, (o, v) => o.LogFreq = v, "batches between two progress lines");
        AddLoss(t);
        t.Group("Sharpness");
        t.Switch("validate-hessian", o => o.ValidateHessian, (o, v) => o.ValidateHessian = v, "not available yet: largest Hessian eigenvalue");
        t.Integer("sharpness-iters", o => o.SharpnessIters, (o, v) => o.SharpnessIters = v, "iterations at most");
        t.Number("sharpness-tol", o => o.SharpnessTol, (o, v) => o.SharpnessTol = v, "relative change at which to stop");
        AddMachine(t);
        t.Integer("num-gpu", o => o.NumGpu, (o, v) => o.NumGpu = v, "number of GPUs; only 1 can be used");
        return t.Build();
    }

    static OptionTable BuildDataCheck()
    {
        OptionTableBuilder<TrainOptions> t = new();
        AddTrainData(t);
        t.IntegerOrNull("num-classes", o => o.NumClasses, (o, v) => o.NumClasses = v, "number of classes labels must stay below");
        t.Integer("seed", o => o.Seed, (o, v) => o.Seed = v, "seed of generated data sets");
        return t.Build();
    }

    static void AddTrainData(OptionTableBuilder<TrainOptions> t)
    {
        AddData(t);
        t.Text("train-split", o => o.TrainSplit, (o, v) => o.TrainSplit = v, "training split: a sub-folder of the data folder, or a split of the named set");
        t.Text("val-split", o => o.ValSplit, (o, v) => o.ValSplit = v, "validation split, likewise");
    }

    static void AddData<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Data");
        t.TextOrNull("data-dir", o => o.DataDir, (o, v) => o.DataDir = v, "folder of the data set: one folder a split, one a class in it");
        t.Text("dataset", o => o.Dataset, (o, v) => o.Dataset = v, "named data set, such as builtin/shapes (needs no download); empty: image folders");
        t.Switch("dataset-download", o => o.DatasetDownload, (o, v) => o.DatasetDownload = v, "not available: nothing is downloaded");
        t.Text("class-order", o => o.ClassOrder, (o, v) => o.ClassOrder = v, "order of class folders: ordinal, 2 before 10, or that of --class-map", null, "lexical", "natural", "file");
        t.TextOrNull("class-map", o => o.ClassMap, (o, v) => o.ClassMap = v, "text file with one class name a line, line 1 is class 0");
        t.TextOrNull("labels", o => o.Labels, (o, v) => o.Labels = v, "CSV of image,class for a flat folder of images");
        t.Text("bad-images", o => o.BadImages, (o, v) => o.BadImages = v, "what to do at an image that cannot be read", null, "fail", "skip");
        t.Text("truncated", o => o.Truncated, (o, v) => o.Truncated = v, "what to do at a truncated image; fill makes the missing part grey", null, "fail", "fill");
        t.Text("exif", o => o.Exif, (o, v) => o.Exif = v, "EXIF orientation; the reference ignores it", null, "ignore", "apply");
    }

    static void AddModel<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Model");
        t.Text("model", o => o.Model, (o, v) => o.Model = v, "name of the model; the command models lists them", "-m");
        t.Pairs("model-kwargs", o => o.ModelKwargs, (o, v) => o.ModelKwargs = v, "arguments of the model, e.g. class_token=False layers=[2,2,2,2]");
        t.IntegerOrNull("num-classes", o => o.NumClasses, (o, v) => o.NumClasses = v, "number of classes; default: that of the data");
        t.TextOrNull("gp", o => o.Gp, (o, v) => o.Gp = v, "global pooling; token and empty are for ViT", null, "avg", "token", "");
        t.IntegerOrNull("img-size", o => o.ImgSize, (o, v) => o.ImgSize = v, "image size in pixels; default: the model's");
    }

    static void AddImages<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Images");
        t.NumbersOrNull("mean", o => o.Mean, (o, v) => o.Mean = v, "mean of pixel values in 0..1: 1 or 3 numbers");
        t.NumbersOrNull("std", o => o.Std, (o, v) => o.Std = v, "standard deviation of pixel values: 1 or 3 numbers");
        t.NumberOrNull("crop-pct", o => o.CropPct, (o, v) => o.CropPct = v, "share of the resized image the evaluation crop keeps");
        t.Text("interpolation", o => o.Interpolation, (o, v) => o.Interpolation = v, "evaluation resize; empty: the model's", null, "bilinear", "bicubic", "");
        t.Text("train-interpolation", o => o.TrainInterpolation, (o, v) => o.TrainInterpolation = v, "training resize; empty: the model's", null, "bilinear", "bicubic", "");
    }

    static void AddBatches<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Batches");
        t.Integer("batch-size", o => o.BatchSize, (o, v) => o.BatchSize = v, "images in a batch", "-b");
        t.Integer("workers", o => o.Workers, (o, v) => o.Workers = v, "background threads that read images; 0 reads on the main thread", "-j");
    }

    static void AddLoss<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Loss");
        t.Number("smoothing", o => o.Smoothing, (o, v) => o.Smoothing = v, "label smoothing");
        t.Switch("bce-loss", o => o.BceLoss, (o, v) => o.BceLoss = v, "binary cross entropy of sigmoids (--no-bce-loss switches it off)");
        t.Text("bce-reduction", o => o.BceReduction, (o, v) => o.BceReduction = v, "over all, or over classes and then over the batch", null, OptionRules.BceReductions);
    }

    static void AddTrainOptimizer(OptionTableBuilder<TrainOptions> t)
    {
        t.Group("Optimizer");
        t.Text("opt", o => o.Opt, (o, v) => o.Opt = v, "optimizer; sam_ perturbs by the gradient, randsam_ at random", null, OptionRules.Optimizers);
        t.NumberOrNull("opt-eps", o => o.OptEps, (o, v) => o.OptEps = v, "epsilon of adam, adamw");
        t.NumbersOrNull("opt-betas", o => o.OptBetas, (o, v) => o.OptBetas = v, "betas of adam, adamw: 2 numbers");
        t.Number("momentum", o => o.Momentum, (o, v) => o.Momentum = v, "momentum of sgd, sgdw");
        t.Number("weight-decay", o => o.WeightDecay, (o, v) => o.WeightDecay = v, "weight decay; not for biases and normalisation");
        t.NumberOrNull("clip-grad", o => o.ClipGrad, (o, v) => o.ClipGrad = v, "largest global norm of the gradient; 0: no clipping");
        t.Number("snp-factor", o => o.SnpFactor, (o, v) => o.SnpFactor = v, "shrink and perturb: share of the initial weights mixed in before an update");
        t.Pairs("opt-kwargs", o => o.OptKwargs, (o, v) => o.OptKwargs = v, "more arguments of the optimizer");
    }

    static void AddTrainPerturbation(OptionTableBuilder<TrainOptions> t)
    {
        t.Group("Perturbation (sam_*, randsam_*)");
        t.Text("perturb-loss", o => o.PerturbLoss, (o, v) => o.PerturbLoss = v, "what the perturbation maximises: the loss, or output-bias forgetting", null, "maximize", "obf");
        t.Number("rho", o => o.Rho, (o, v) => o.Rho = v, "radius of the perturbation");
        t.Number("min-rho", o => o.MinRho, (o, v) => o.MinRho = v, "smallest radius with lr_prop");
        t.Text("rho-policy", o => o.RhoPolicy, (o, v) => o.RhoPolicy = v, "radius over time; lr_prop follows the learning rate", null, "constant", "lr_prop");
        t.Integer("sharpness-m", o => o.SharpnessM, (o, v) => o.SharpnessM = v, "images a perturbation is made from; -1: the batch");
        t.Number("obf-C", o => o.ObfC, (o, v) => o.ObfC = v, "obf: 1/lambda, usually the number of classes; negative: lambda 0");
        t.Number("obf-gamma", o => o.ObfGamma, (o, v) => o.ObfGamma = v, "obf: strength gamma in 0..1");
        t.Number("gsam-alpha", o => o.GsamAlpha, (o, v) => o.GsamAlpha = v, "GSAM: weight of the orthogonal part; 0: off");
        t.Switch("backup-normalized", o => o.BackupNormalized, (o, v) => o.BackupNormalized = v, "GSAM: decompose the normalised gradient");
        t.Switch("adaptive-sam", o => o.AdaptiveSam, (o, v) => o.AdaptiveSam = v, "ASAM: scale by |w|; needs one or both of the next two");
        t.Switch("asam-before-norm", o => o.AsamBeforeNorm, (o, v) => o.AsamBeforeNorm = v, "ASAM: scale before normalising");
        t.Switch("asam-after-norm", o => o.AsamAfterNorm, (o, v) => o.AsamAfterNorm = v, "ASAM: scale after normalising");
    }

    static void AddTrainSchedule(OptionTableBuilder<TrainOptions> t)
    {
        t.Group("Schedule");
        t.Integer("epochs", o => o.Epochs, (o, v) => o.Epochs = v, "epochs of the whole run");
        t.NumberOrNull("lr", o => o.Lr, (o, v) => o.Lr = v, "learning rate; not given or 0: from --lr-base and the batch size");
        t.Number("lr-base", o => o.LrBase, (o, v) => o.LrBase = v, "learning rate for --lr-base-size images an update");
        t.Integer("lr-base-size", o => o.LrBaseSize, (o, v) => o.LrBaseSize = v, "images an update that --lr-base is meant for");
        t.Text("lr-base-scale", o => o.LrBaseScale, (o, v) => o.LrBaseScale = v, "growth with the batch; empty: sqrt for adam-like names holding 'ada', else linear", null, "linear", "sqrt", "");
        t.Text("sched", o => o.Sched, (o, v) => o.Sched = v, "schedule of the learning rate", null, "linear");
        t.Integer("warmup-epochs", o => o.WarmupEpochs, (o, v) => o.WarmupEpochs = v, "epochs of warm-up");
        t.Number("warmup-lr", o => o.WarmupLr, (o, v) => o.WarmupLr = v, "learning rate the warm-up begins at");
        t.Number("min-lr", o => o.MinLr, (o, v) => o.MinLr = v, "learning rate at the end");
        t.IntegerOrNull("start-epoch", o => o.StartEpoch, (o, v) => o.StartEpoch = v, "epoch to begin with, whatever a checkpoint says");
    }

    static void AddTrainRun(OptionTableBuilder<TrainOptions> t)
    {
        t.Group("Run and results");
        t.Text("output", o => o.Output, (o, v) => o.Output = v, "folder of results; default: output/train");
        t.Text("experiment", o => o.Experiment, (o, v) => o.Experiment = v, "sub-folder of this run; default: time, model and size");
        t.Text("resume", o => o.Resume, (o, v) => o.Resume = v, "checkpoint to continue from; auto: the newest valid one of the experiment");
        t.Text("eval-metric", o => o.EvalMetric, (o, v) => o.EvalMetric = v, "metric that chooses the best checkpoint", null, "top1", "top5", "loss");
        t.Integer("checkpoint-hist", o => o.CheckpointHist, (o, v) => o.CheckpointHist = v, "best checkpoints that are kept");
        t.Integer("recovery-interval", o => o.RecoveryInterval, (o, v) => o.RecoveryInterval = v, "updates between recovery checkpoints; 0: none");
        t.Integer("log-interval", o => o.LogInterval, (o, v) => o.LogInterval = v, "updates between two progress lines, and between two looks at a GPU's numbers");
        t.Integer("profile", o => o.Profile, (o, v) => o.Profile = v, "steps to record after a warm-up: a table, profile.csv, profile.trace.json; 0: none");
        t.Text("on-nan", o => o.OnNan, (o, v) => o.OnNan = v, "when a loss is not finite: stop, or skip the update", null, "stop", "skip");
        t.Integer("seed", o => o.Seed, (o, v) => o.Seed = v, "seed of everything random");
    }

    static void AddMachine<T>(OptionTableBuilder<T> t) where T : RunOptions
    {
        t.Group("Machine");
        t.Text("device", o => o.Device, (o, v) => o.Device = v, "device to run on: auto, cpu, cuda, cuda:N, or sim, the software GPU");
        t.Text("precision", o => o.Precision, (o, v) => o.Precision = v, "float32 products on a GPU: tf32 rounds the operands for the matrix units", null, "tf32", "fp32");
        t.Switch("deterministic", o => o.Deterministic, (o, v) => o.Deterministic = v, "only algorithms that repeat bit for bit on a GPU");
        t.Integer("threads", o => o.Threads, (o, v) => o.Threads = v, "CPU threads; 0: all cores");
        t.Switch("pin-mem", o => o.PinMem, (o, v) => o.PinMem = v, "accepted and ignored: batches for a GPU are always page-locked");
    }
}
