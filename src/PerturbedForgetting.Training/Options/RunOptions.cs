using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;
using static PerturbedForgetting.Training.Options.ResumeRule;
using Filter = PerturbedForgetting.Vision.Transforms.Interpolation;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// The options that training and validation share. Every property is one command line option of the reference's programs under
/// its own name (<see cref="BatchSize"/> is <c>--batch-size</c>); null means "not given", and the model's own value is used.
/// Beside each property stands its <see cref="OptionSpec"/>, which says all else about it.
/// </summary>
public abstract partial record RunOptions
{
    /// <summary>Creates the defaults.</summary>
    protected RunOptions()
    {
    }

    /// <summary>Copies the options.</summary>
    protected RunOptions(RunOptions original) => Values = new(original.Values, StringComparer.Ordinal);

    /// <summary>What differs from the defaults, by the options' names.</summary>
    internal Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>Everything that is wrong with these options, all at once; empty when they can be used.</summary>
    public IReadOnlyList<OptionProblem> Validate() => [.. OptionTables.For(this).Specs.SelectMany(s => s.Check(this))];

    /// <summary>Checks the options, as far as a command takes them.</summary>
    /// <param name="command">The command's table; null is that of these options.</param>
    /// <returns>What a person should know, although the options can be used.</returns>
    /// <exception cref="OptionException">They cannot; the message holds all that is wrong.</exception>
    internal IReadOnlyList<OptionProblem> RequireValid(OptionTable? command = null)
    {
        OptionProblem[] problems = [.. Validate().Where(p => command is null || command.Find(p.Option) is not null)];
        return problems.Any(p => p.IsError) ? throw new OptionException(problems.Where(p => p.IsError).ToArray()) : problems;
    }

    /// <summary>Whether both are options of one command with the same values.</summary>
    public virtual bool Equals(RunOptions? other) => other?.EqualityContract == EqualityContract && OptionsJson.Diff(this, other)
            .Count == 0;

    /// <inheritdoc/>
    public override int GetHashCode() => OptionsJson.Write(this).GetHashCode(StringComparison.Ordinal);

    /// <summary>Refuses options that name no data, which a checkpoint might have named.</summary>
    /// <exception cref="OptionException">They name none.</exception>
    internal void RequireData()
    {
        if (NamesNoData)
            throw new OptionException(new OptionProblem(DatasetOption.Flag, NoData));
    }

    bool NamesNoData => Dataset.Length == 0 && string.IsNullOrEmpty(DataDir);

    const string NoData = "no data was named: give --data-dir FOLDER, or --dataset builtin/shapes, which needs no files.";

    internal static readonly OptionTopic<RunOptions> DataTopic = new("Data");

    /// <summary>Root folder of the data set.</summary>
    public string? DataDir { get => DataDirOption[this]; set => DataDirOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> DataDirOption =
        DataTopic.Option<string?>("data-dir", null, "folder of the data set: one folder a split, one a class in it");

    /// <summary>Name of the data set, such as <c>builtin/shapes</c>; empty means the image folders below <see cref="DataDir"/>.</summary>
    public string Dataset { get => DatasetOption[this]; set => DatasetOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string> DatasetOption =
        DataTopic.Option("dataset", "", "named data set, such as builtin/shapes (needs no download); empty: image folders")
            // Those of a checkpoint are known when it is open.
            .RefusedWhen(o => o is not (CheckpointOptions { Checkpoint.Length: > 0 } or ImageInputOptions { NamesImages: true })
                && o.NamesNoData, NoData)
            .OnResume(BetweenEpochs());

    /// <summary>Whether the data set may be fetched. Nothing is ever downloaded: the value true is refused.</summary>
    public bool DatasetDownload { get => DatasetDownloadOption[this]; set => DatasetDownloadOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, bool> DatasetDownloadOption =
        DataTopic.Option("dataset-download", false, "not available: nothing is downloaded")
            .RefusedWhen(o => o.DatasetDownload, "nothing is downloaded: fetch the data set yourself and give --data-dir FOLDER.");

    /// <summary>What gives class folders their indices.</summary>
    public ClassFolderOrder ClassOrder { get => ClassOrderOption[this]; set => ClassOrderOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, ClassFolderOrder> ClassOrderOption =
        DataTopic.Choice("class-order", ClassFolderOrder.Lexical, "order of class folders: ordinal, 2 before 10, or that of --class-map",
                ("lexical", ClassFolderOrder.Lexical), ("natural", ClassFolderOrder.Natural), ("file", ClassFolderOrder.File))
            .RefusedWhen(o => o.ClassOrder == ClassFolderOrder.File && o.ClassMap is null,
                "'file' needs --class-map FILE, with one class name a line.")
            .NotedWhen(o => o.ClassOrder == ClassFolderOrder.Natural && o.ClassMap is not null,
                "has no effect, because --class-map gives the order.")
            .OnResume(BetweenEpochs());

    /// <summary>Text file with one class name a line; the line number from 0 is the index.</summary>
    public string? ClassMap { get => ClassMapOption[this]; set => ClassMapOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> ClassMapOption =
        DataTopic.Option<string?>("class-map", null, "text file with one class name a line, line 1 is class 0")
            .KnownAs(nameof(DatasetOptions.ClassMapFile)).AFile().OnResume(BetweenEpochs());

    /// <summary>CSV file of image and class; a file for each split as <c>train=FILE,val=FILE</c>, or a path with
    /// <c>{split}</c>.</summary>
    public string? Labels { get => LabelsOption[this]; set => LabelsOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> LabelsOption =
        DataTopic.Option<string?>("labels", null,
            "CSV of image,class for folders that are no classes; train=FILE,val=FILE or a path with {split}: one a split")
            .KnownAs(nameof(DatasetOptions.LabelsFile)).AFile().OnResume(BetweenEpochs());

    /// <summary>Column of the image in <see cref="Labels"/> or in a table of images; null finds it.</summary>
    public string? ImageColumn { get => ImageColumnOption[this]; set => ImageColumnOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> ImageColumnOption =
        DataTopic.Option<string?>("image-column", null, "column of the image in --labels or in a Parquet set: name, or number from 1")
            .OnResume(BetweenEpochs());

    /// <summary>Column of the label, likewise.</summary>
    public string? LabelColumn { get => LabelColumnOption[this]; set => LabelColumnOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> LabelColumnOption =
        DataTopic.Option<string?>("label-column", null, "column of the label, where there are several").OnResume(BetweenEpochs());

    /// <summary>Share of the training split's images that is held out for validation; null validates on a split of its own.</summary>
    public double? ValShare { get => ValShareOption[this]; set => ValShareOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double?> ValShareOption =
        DataTopic.Option<double?>("val-share", null, "validate on this share of the training split, held out of each class, e.g. 0.1")
            .Must(v => v is > 0 and < 1, "must be above 0 and below 1").OnResume(Refused(OthersHeldOut));

    /// <summary>Seed by which the images are chosen that <see cref="ValShare"/> holds out.</summary>
    public int ValSeed { get => ValSeedOption[this]; set => ValSeedOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int> ValSeedOption =
        DataTopic.Option("val-seed", 42, "seed by which --val-share chooses; apart from --seed, so that runs can share the images")
            .NotedWhen(o => o.ValSeed != 42 && o.ValShare is null, _ => "has no effect without --val-share.")
            .OnResume(RefusedWhere((before, _) => before is null ? null : OthersHeldOut));

    /// <summary>What happens at an image that cannot be read.</summary>
    public BadImagePolicy BadImages { get => BadImagesOption[this]; set => BadImagesOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, BadImagePolicy> BadImagesOption =
        DataTopic.Choice("bad-images", BadImagePolicy.Fail, "what to do at an image that cannot be read",
                ("fail", BadImagePolicy.Fail), ("skip", BadImagePolicy.Skip))
            .OnResume(BetweenEpochs());

    /// <summary>How often a read that the file system fails is tried again.</summary>
    public int IoRetries { get => IoRetriesOption[this]; set => IoRetriesOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int> IoRetriesOption =
        DataTopic.Option("io-retries", ImageDecoderOptions.DefaultReadRetries,
                "how often a read that a disk or network fails is tried again, after 0.1 s, 0.2 s, 0.4 s and so on")
            .KnownAs(nameof(ImageDecoderOptions.ReadRetries)).Within(0, MostRetries).OnResume(OfThisStart);

    /// <summary>What happens at a truncated image.</summary>
    public TruncatedImages Truncated { get => TruncatedOption[this]; set => TruncatedOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, TruncatedImages> TruncatedOption =
        DataTopic.Choice("truncated", TruncatedImages.Fail, "what to do at a truncated image; fill makes the missing part grey",
            ("fail", TruncatedImages.Fail), ("fill", TruncatedImages.Fill)).OfTheModel();

    /// <summary>Whether the EXIF orientation is honoured.</summary>
    public ExifOrientation Exif { get => ExifOption[this]; set => ExifOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, ExifOrientation> ExifOption =
        DataTopic.Choice("exif", ExifOrientation.Ignore, "EXIF orientation; the reference ignores it",
            ("ignore", ExifOrientation.Ignore), ("apply", ExifOrientation.Apply)).OfTheModel();

    internal static readonly OptionTopic<RunOptions> ModelTopic = new("Model");

    /// <summary>Name of the model in the registry.</summary>
    public string Model { get => ModelOption[this]; set => ModelOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string> ModelOption =
        ModelTopic.Option("model", "resnet50", "name of the model; the command models lists them", "-m").OfTheModel()
            .OnResume(Refused("the weights are of another model; start a new run, with --pretrained to keep what fits"));

    /// <summary>
    /// Arguments of the model, such as <c>class_token=False</c>: whole numbers (<see cref="long"/>), <see cref="double"/>,
    /// <see cref="bool"/>, null, text, and lists of these.
    /// </summary>
    public IReadOnlyDictionary<string, object?> ModelKwargs { get => ModelKwargsOption[this]; set => ModelKwargsOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, IReadOnlyDictionary<string, object?>> ModelKwargsOption =
        ModelTopic.Option<IReadOnlyDictionary<string, object?>>("model-kwargs", new Dictionary<string, object?>(),
                "arguments of the model, e.g. class_token=False layers=[2,2,2,2]").KnownAs(nameof(ModelOptions.Kwargs)).OfTheModel()
            .RefusedForEach(o => new[] { ("num_classes", "--num-classes"), ("global_pool", "--gp"), ("drop_rate", "--drop") }
                .Where(own => o.ModelKwargs.ContainsKey(own.Item1)).Select(own => $"'{own.Item1}' has its own option: use {own.Item2}."))
            .OnResume(Refused("the weights are of a model with other arguments; start a new run"));

    /// <summary>Number of classes K; null takes it from the data set.</summary>
    public int? NumClasses { get => NumClassesOption[this]; set => NumClassesOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int?> NumClassesOption =
        ModelTopic.Option<int?>("num-classes", null, "number of classes; default: that of the data").Within(1, MostClasses).OfTheModel()
            .OnResume(Refused("the head has another size; start a new run with --pretrained --pretrained-path, which makes a new head"));

    /// <summary>Global pooling: <c>avg</c>, <c>token</c> (ViT), or empty; null takes the model's own.</summary>
    public string? Gp { get => GpOption[this]; set => GpOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string?> GpOption =
        ModelTopic.ChoiceOrNull("gp", "global pooling; token and empty are for ViT", "avg", "token", "")
            .KnownAs(nameof(ModelOptions.GlobalPool)).OfTheModel()
            .OnResume(Refused("the head belongs to another pooling; start a new run"));

    /// <summary>Image size in pixels, height and width.</summary>
    public int? ImgSize { get => ImgSizeOption[this]; set => ImgSizeOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int?> ImgSizeOption =
        ModelTopic.Option<int?>("img-size", null, "image size in pixels; default: the model's").KnownAs(nameof(ModelOptions.ImageSize))
            .Within(1, LargestImage).OfTheModel();

    /// <summary>Epsilon of batch norm; null takes the model's own.</summary>
    public double? BnEps { get => BnEpsOption[this]; set => BnEpsOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double?> BnEpsOption =
        ModelTopic.Option<double?>("bn-eps", null, "epsilon of batch norm").Positive()
            .RefusedWhen(o => o.BnEps is not null && HasNoBatchNorm(o), WithoutBatchNorm).OfTheModel();

    internal static readonly OptionTopic<RunOptions> ImagesTopic = new("Images");

    /// <summary>Mean that is subtracted, of pixel values in 0..1: one number or three.</summary>
    public double[]? Mean { get => MeanOption[this]; set => MeanOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double[]?> MeanOption =
        OneOrThree("mean", "mean of pixel values in 0..1: 1 or 3 numbers");

    /// <summary>Standard deviation that is divided by, of pixel values in 0..1: one number or three.</summary>
    public double[]? Std { get => StdOption[this]; set => StdOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double[]?> StdOption =
        OneOrThree("std", "standard deviation of pixel values: 1 or 3 numbers").Must(v => v!.All(s => s > 0), "must be positive");

    /// <summary>Share of the resized image that the evaluation crop keeps, in (0, 1].</summary>
    public double? CropPct { get => CropPctOption[this]; set => CropPctOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double?> CropPctOption =
        ImagesTopic.Option<double?>("crop-pct", null, "share of the resized image the evaluation crop keeps")
            .KnownAs(nameof(EvalTransform.CropShare))
            .Must(v => v is > 0 and <= 1, "must be above 0 and at most 1").OfTheModel();

    /// <summary>Filter of the evaluation resize; null takes the model's own.</summary>
    public Filter? Interpolation { get => InterpolationOption[this]; set => InterpolationOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, Filter?> InterpolationOption =
        ImagesTopic.Choice<Filter?>("interpolation", null, "evaluation resize; empty: the model's", Filters).OfTheModel();

    /// <summary>Filter of the training resize; null takes the model's own.</summary>
    public Filter? TrainInterpolation { get => TrainInterpolationOption[this]; set => TrainInterpolationOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, Filter?> TrainInterpolationOption =
        ImagesTopic.Choice<Filter?>("train-interpolation", Filter.Bilinear, "training resize; empty: the model's", Filters);

    internal static readonly OptionTopic<RunOptions> BatchesTopic = new("Batches");

    /// <summary>Images in a batch, B.</summary>
    public int BatchSize { get => BatchSizeOption[this]; set => BatchSizeOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int> BatchSizeOption =
        BatchesTopic.Option("batch-size", 128, "images in a batch", "-b").AtLeast(1).OnResume(BetweenEpochs(UpdatesCountAnew));

    /// <summary>Background threads that read and decode images; 0 reads on the training thread.</summary>
    public int Workers { get => WorkersOption[this]; set => WorkersOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int> WorkersOption =
        BatchesTopic.Option("workers", 4, "background threads that read images; 0 reads on the main thread", "-j").Within(0, MostThreads)
            .OnResume(OfThisStart).OfAProcess();

    internal static readonly OptionTopic<RunOptions> LossTopic = new("Loss");

    /// <summary>Label smoothing s: target distribution (1-s) one-hot + s/K.</summary>
    public double Smoothing { get => SmoothingOption[this]; set => SmoothingOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, double> SmoothingOption =
        LossTopic.Option("smoothing", 0.0, "label smoothing").AShare();

    /// <summary>Binary cross entropy of sigmoids in place of softmax cross entropy.</summary>
    public bool BceLoss { get => BceLossOption[this]; set => BceLossOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, bool> BceLossOption =
        LossTopic.Option("bce-loss", false, "binary cross entropy of sigmoids (--no-bce-loss switches it off)");

    /// <summary>Reduction of the binary loss.</summary>
    public LossReduction BceReduction { get => BceReductionOption[this]; set => BceReductionOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, LossReduction> BceReductionOption =
        LossTopic.Choice("bce-reduction", LossReduction.SumMean, "over all, or over classes and then over the batch",
            ("sum_mean", LossReduction.SumMean), ("mean_mean", LossReduction.MeanMean), ("mean_sum", LossReduction.MeanSum),
            ("sum_sum", LossReduction.SumSum), ("mean", LossReduction.Mean), ("sum", LossReduction.Sum));

    internal static readonly OptionTopic<RunOptions> MachineTopic = new("Machine");

    /// <summary>Device: <c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:N</c> or <c>sim</c>.</summary>
    public string Device { get => DeviceOption[this]; set => DeviceOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, string> DeviceOption =
        MachineTopic.Option("device", "auto", "device to run on: auto, cpu, cuda, cuda:N, or sim, the software GPU")
            .RefusedWhen(o => !Tensors.Device.IsName(o.Device), o =>
                $"'{o.Device}' is not one of {string.Join(", ", Tensors.Device.Names)}."
                + Suggestions.DidYouMean(o.Device, Tensors.Device.Names))
            .OnResume(OfThisStart).OfAProcess();

    /// <summary>How a GPU multiplies float32 matrices.</summary>
    public GpuPrecision Precision { get => PrecisionOption[this]; set => PrecisionOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, GpuPrecision> PrecisionOption =
        MachineTopic.Choice("precision", GpuPrecision.Tf32, "float32 products on a GPU: tf32 rounds the operands for the matrix units",
            ("tf32", GpuPrecision.Tf32), ("fp32", GpuPrecision.Fp32)).OfTheModel();

    /// <summary>Only algorithms that give the same bits in every run on the same machine.</summary>
    public bool Deterministic { get => DeterministicOption[this]; set => DeterministicOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, bool> DeterministicOption =
        MachineTopic.Option("deterministic", false, "only algorithms that repeat bit for bit on a GPU");

    /// <summary>Threads of the CPU device; 0 takes all cores.</summary>
    public int Threads { get => ThreadsOption[this]; set => ThreadsOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, int> ThreadsOption =
        MachineTopic.Option("threads", 0, "CPU threads; 0: all cores").Within(0, MostThreads).OnResume(OfThisStart).OfAProcess();

    /// <summary>Page-locked batches; has no effect on the CPU.</summary>
    public bool PinMem { get => PinMemOption[this]; set => PinMemOption[this] = value; }
    internal static readonly OptionSpec<RunOptions, bool> PinMemOption =
        MachineTopic.Option("pin-mem", false, "accepted and ignored: batches for a GPU are always page-locked")
            .NotedWhen(o => o.PinMem, "has no effect: batches for a GPU are always page-locked, and the CPU needs none.")
            .OnResume(OfThisStart);

    /// <summary>More are a slip: no machine has as many processors, no list as many classes, and no decoded image as many pixels.</summary>
    private protected const int MostThreads = 1024, MostClasses = 1_000_000, LargestImage = 1 << 14, MostRetries = 100;

    private protected static bool HasNoBatchNorm(RunOptions options) => options.Model.StartsWith("vit", StringComparison.Ordinal);

    private protected static string WithoutBatchNorm(RunOptions options) => $"{options.Model} has no batch norm; leave the option out.";

    /// <summary>What a resume with another number of images an update means.</summary>
    private protected const string UpdatesCountAnew =
        "updates are counted anew from the epochs done, and the learning rate follows where it is derived from the batch";

    /// <summary>Why the images that are held out stay the same ones.</summary>
    const string OthersHeldOut = "the model was trained on images that would be validated on; start a new run";

    /// <summary>Filters by name; null where something else decides.</summary>
    private protected static (string Name, Filter? Value)[] Filters => [("bilinear", Filter.Bilinear), ("bicubic", Filter.Bicubic),
                ("", null)];

    static OptionSpec<RunOptions, double[]?> OneOrThree(string name, string help)
    {
        var spec = ImagesTopic.Option<double[]?>(name, null, help).OfTheModel();
        return spec.RefusedWhen(o => spec[o] is not (null or { Length: 1 or 3 }),
                o => $"takes 1 or 3 numbers, got {spec[o]!.Length}: {spec.Show(o)}.");
    }
}
