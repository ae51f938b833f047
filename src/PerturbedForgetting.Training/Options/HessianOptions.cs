namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>hessian</c>.</summary>
public sealed record HessianOptions : CheckpointOptions
{
    /// <summary>Creates the defaults.</summary>
    public HessianOptions()
    {
        // Products of rounded operands would be all that residuals show.
        Precision = GpuPrecision.Fp32;
    }

    internal static new readonly OptionTopic<HessianOptions> DataTopic = new(RunOptions.DataTopic.Heading);

    /// <summary>Name of the split whose loss is looked at; without one that of the checkpoint's training.</summary>
    public string Split { get => SplitOption[this]; set => SplitOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, string> SplitOption =
        DataTopic.Option("split", "train", "split whose loss is looked at; default: that of the checkpoint's training");

    /// <summary>Images of the split, drawn by the seed; 0 is all.</summary>
    public int Images { get => ImagesOption[this]; set => ImagesOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> ImagesOption =
        DataTopic.Option("images", 0, "use so many of its images, drawn by --seed; 0: all").AtLeast(0);

    /// <summary>Seed of random vectors, of the images that are drawn, and of the groups of m-sharpness.</summary>
    public int Seed { get => SeedOption[this]; set => SeedOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> SeedOption =
        DataTopic.Option("seed", 42, "seed of random vectors, drawn images, and groups of images").AtLeast(0);

    /// <summary>GiB of activations that stay from one product to the next; null is half of what is free, 0 none.</summary>
    public double? KeepGib { get => KeepGibOption[this]; set => KeepGibOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double?> KeepGibOption =
        DataTopic.Option<double?>("keep-gib", null,
                "memory for activations that stay between passes, which makes them faster; default: half of what is free; 0: none")
            .NotNegative();

    internal static readonly OptionTopic<HessianOptions> EigenvaluesTopic = new("Eigenvalues");

    /// <summary>How many eigenvalues; 0 is none.</summary>
    public int Eigenvalues { get => EigenvaluesOption[this]; set => EigenvaluesOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> EigenvaluesOption =
        EigenvaluesTopic.Option("eigenvalues", 1, "how many (with --which both: at each end); 0: none").Within(0, 200);

    /// <summary>Which eigenvalues.</summary>
    public EigenvaluesWanted Which { get => WhichOption[this]; set => WhichOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, EigenvaluesWanted> WhichOption =
        EigenvaluesTopic.Choice("which", EigenvaluesWanted.Magnitude, "the largest in magnitude, the largest, the most negative, both ends",
            ("magnitude", EigenvaluesWanted.Magnitude), ("largest", EigenvaluesWanted.Largest),
            ("smallest", EigenvaluesWanted.Smallest), ("both", EigenvaluesWanted.Both));

    /// <summary>How they are found.</summary>
    public EigenvalueMethod Method { get => MethodOption[this]; set => MethodOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, EigenvalueMethod> MethodOption =
        EigenvaluesTopic.Choice("method", EigenvalueMethod.Lanczos, "Lanczos with full reorthogonalisation, or PyHessian's power iteration",
                ("lanczos", EigenvalueMethod.Lanczos), ("power", EigenvalueMethod.Power))
            .RefusedWhen(static o => o.Method == EigenvalueMethod.Power && o.Which != EigenvaluesWanted.Magnitude,
                "power finds the largest in magnitude only; leave --which out, or use lanczos.");

    /// <summary>Most passes over the images for them; of power iteration for each.</summary>
    public int Iterations { get => IterationsOption[this]; set => IterationsOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> IterationsOption =
        EigenvaluesTopic.Option("iterations", 100, "most passes over the images (power: for each eigenvalue)").AtLeast(1);

    /// <summary>When an eigenvalue counts as found.</summary>
    public double Tol { get => TolOption[this]; set => TolOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double> TolOption =
        EigenvaluesTopic.Option("tol", 1e-3, "lanczos: residual, as a part of the largest magnitude; power: relative change").Positive();

    /// <summary>Vectors that Lanczos keeps; null follows from the number of eigenvalues.</summary>
    public int? Basis { get => BasisOption[this]; set => BasisOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int?> BasisOption =
        EigenvaluesTopic.Option<int?>("basis", null, "vectors lanczos keeps, as large as the model; default: 3 an eigenvalue, 24 or more")
            .Within(3, 1000)
            .NotedWhen(static o => o.Basis is not null && o.Method == EigenvalueMethod.Power, "has no effect on power iteration.");

    /// <summary>Vectors that go through the model together; null is one for Lanczos, and four for trace and density.</summary>
    public int? Block { get => BlockOption[this]; set => BlockOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int?> BlockOption =
        EigenvaluesTopic.Option<int?>("block", null,
                "vectors multiplied in one pass, each at less cost and more memory; default: 1, for trace and density 4")
            .Within(1, 64)
            .NotedWhen(static o => o is { Block: > 1, Method: EigenvalueMethod.Power, Trace: 0, Density: 0 },
                "has no effect on power iteration, which multiplies one vector after the other.");

    internal static readonly OptionTopic<HessianOptions> SpectrumTopic = new("Trace and density");

    /// <summary>Random vectors for the trace; 0 leaves it out.</summary>
    public int Trace { get => TraceOption[this]; set => TraceOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> TraceOption =
        SpectrumTopic.Option("trace", 0, "random vectors for the trace (Hutchinson); 0: no trace").Within(0, 100_000);

    /// <summary>Standard error, as a part of the trace, at which no more are needed.</summary>
    public double TraceTol { get => TraceTolOption[this]; set => TraceTolOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double> TraceTolOption =
        SpectrumTopic.Option("trace-tol", 0.0, "end the trace when its standard error is below this part of it; 0: use all vectors")
            .NotNegative()
            .NotedWhen(static o => o.TraceTol > 0 && o.Trace == 0, "has no effect without --trace.");

    /// <summary>Random vectors for the density of eigenvalues; 0 leaves it out.</summary>
    public int Density { get => DensityOption[this]; set => DensityOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> DensityOption =
        SpectrumTopic.Option("density", 0, "random vectors for the density of eigenvalues (stochastic Lanczos quadrature); 0: no density")
            .Within(0, 100_000);

    /// <summary>Steps of Lanczos from each of them.</summary>
    public int DensitySteps { get => DensityStepsOption[this]; set => DensityStepsOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, int> DensityStepsOption =
        SpectrumTopic.Option("density-steps", 64, "steps of Lanczos from each, which are as many vectors in memory").Within(1, 1000)
            .NotedWhen(static o => o.DensitySteps != 64 && o.Density == 0, "has no effect without --density.");

    /// <summary>Standard deviation of the normal distributions that the density consists of; null follows from the range.</summary>
    public double? DensityWidth { get => DensityWidthOption[this]; set => DensityWidthOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double?> DensityWidthOption =
        SpectrumTopic.Option<double?>("density-width", null, "standard deviation of each eigenvalue's peak; default: 1/256 of the range")
            .Positive()
            .NotedWhen(static o => o.DensityWidth is not null && o.Density == 0, "has no effect without --density.");

    internal static readonly OptionTopic<HessianOptions> SharpnessTopic = new("Sharpness");

    /// <summary>Radii at which the increase of the loss along its gradient is measured; null measures none.</summary>
    public double[]? Rho { get => RhoOption[this]; set => RhoOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double[]?> RhoOption =
        SharpnessTopic.Option<double[]?>("rho", null, "radii at which the loss increase along the gradient is measured, as SAM sees it")
            .Must(static v => v!.All(static rho => rho > 0 && double.IsFinite(rho)), "must be positive");

    /// <summary>Group sizes of m-sharpness; null measures that of the whole split only.</summary>
    public double[]? SharpnessM { get => SharpnessMOption[this]; set => SharpnessMOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, double[]?> SharpnessMOption =
        SharpnessTopic.Option<double[]?>("sharpness-m", null, "also m-sharpness: the mean over groups of so many images")
            .Must(static v => v!.All(static m => m >= 1 && m == Math.Floor(m) && m <= int.MaxValue), "must be whole numbers from 1 on")
            .RefusedWhen(static o => o.SharpnessM is not null && o.Rho is null, "needs --rho, the radius or radii.");

    internal static readonly OptionTopic<HessianOptions> OutputTopic = new("Output");

    /// <summary>Where results are written, as NAME.json, NAME.csv and, of what is asked for, more; null writes none.</summary>
    public string? Out { get => OutOption[this]; set => OutOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, string?> OutOption =
        OutputTopic.Option<string?>("out", null, "write NAME.json and NAME.csv, and NAME.density.csv, .png, .nodes.csv, NAME.trace.csv")
            .AFile();

    /// <summary>Safetensors file of the eigenvectors; null writes none.</summary>
    public string? Eigenvectors { get => EigenvectorsOption[this]; set => EigenvectorsOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, string?> EigenvectorsOption =
        OutputTopic.Option<string?>("eigenvectors", null, "write the eigenvectors as .safetensors, with the parameters' names and shapes")
            .AFile()
            .RefusedWhen(static o => o.Eigenvectors is not null && o.Eigenvalues == 0, "there are none with --eigenvalues 0.");

    /// <summary>How results are shown.</summary>
    public HessianFormat Format { get => FormatOption[this]; set => FormatOption[this] = value; }
    internal static readonly OptionSpec<HessianOptions, HessianFormat> FormatOption =
        OutputTopic.Choice("format", HessianFormat.Table, "how results are shown",
            ("table", HessianFormat.Table), ("json", HessianFormat.Json), ("csv", HessianFormat.Csv));
}
