namespace PerturbedForgetting.Training.Options;

/// <summary>Which perturbations are measured.</summary>
public sealed partial record ForgettingOptions
{
    internal static readonly OptionTopic<ForgettingOptions> GridTopic = new("Perturbations (every combination is measured)");

    /// <summary>What perturbations follow, names with commas between.</summary>
    public string Perturb { get => PerturbOption[this]; set => PerturbOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> PerturbOption = List("perturb", "maximize,obf,obf-softmax,rand",
        "what perturbations follow: the loss, output-bias forgetting with sigmoids or softmax, random directions",
        StudiedPerturbations.Kinds);

    /// <summary>Lengths.</summary>
    public double[] Rho { get => RhoOption[this]; set => RhoOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]> RhoOption = Numbers("rho", [0.05, 0.1, 0.2],
            "radii of the perturbations")
        .Must(static v => v.All(IsNotNegative), "must not be negative");

    /// <summary>Images that a perturbation is made from.</summary>
    public double[] SharpnessM { get => SharpnessMOption[this]; set => SharpnessMOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]> SharpnessMOption = Numbers("sharpness-m", [64],
            "images a perturbation is made from")
        .Must(static v => v.All(static m => IsWhole(m, int.MaxValue)), "must be whole numbers above 0");

    /// <summary>gamma of output-bias forgetting, in [0, 1].</summary>
    public double[] ObfGamma { get => ObfGammaOption[this]; set => ObfGammaOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]> ObfGammaOption = Numbers("obf-gamma", [1],
            "obf: strength gamma in 0..1").KnownAs("gamma")
        .Must(static v => v.All(static g => g is >= 0 and <= 1), "must lie in 0 to 1")
        .NotedWhen(static o => o.ObfGamma is not [1] && !o.Has(StudiedPerturbations.IsOutputBias), WithoutObf);

    /// <summary>C = 1/lambda of output-bias forgetting; null takes the number of classes.</summary>
    public double[]? ObfC { get => ObfCOption[this]; set => ObfCOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]?> ObfCOption =
        GridTopic.Option<double[]?>("obf-C", null, "obf: 1/lambda; negative: lambda 0; default: the number of classes").KnownAs("c")
            .Must(static v => v!.All(static c => c is > 1 or < 0), "must be above 1, or negative for lambda = 0")
            .RefusedWhen(static o => o.ObfC is [], NoNumber)
            .NotedWhen(static o => o.ObfC is not null && !o.Has(StudiedPerturbations.IsOutputBias), WithoutObf);

    /// <summary>Steps of a part of the radius each.</summary>
    public double[] ObfSteps { get => ObfStepsOption[this]; set => ObfStepsOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]> ObfStepsOption = Numbers("obf-steps", [1],
            "steps of rho/K that a perturbation is made in, also one of maximize; rand takes one").KnownAs("steps")
        .Must(static v => v.All(static k => IsWhole(k, MostSteps)), "must be whole numbers from 1 to 1000")
        .NotedWhen(static o => o.ObfSteps is not [1] && !o.Has(static k => k != StudiedPerturbation.Random),
            "has no effect: rand follows no gradient from step to step.");

    /// <summary>Where ASAM scales, names with commas between.</summary>
    public string Asam { get => AsamOption[this]; set => AsamOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> AsamOption = List("asam", "off",
        "ASAM: scale by |w| + eta, before the norm is taken, after it, or both (as published); off: SAM", PerturbationChoices.Asam);

    /// <summary>eta of ASAM.</summary>
    public double[] AsamEta { get => AsamEtaOption[this]; set => AsamEtaOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, double[]> AsamEtaOption = Numbers("asam-eta", [0],
            "ASAM: scale by |w| + eta (0.01 in the authors' code)").KnownAs("eta")
        .Must(static v => v.All(IsNotNegative), "must not be negative")
        .NotedWhen(static o => o.AsamEta is not [0] && !o.HasAsam, WithoutAsam);

    /// <summary>Which parameters ASAM scales, names with commas between.</summary>
    public string AsamParams { get => AsamParamsOption[this]; set => AsamParamsOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> AsamParamsOption = List("asam-params", "all",
            "ASAM: parameters that are scaled: all, or those named weight as in the authors' code", PerturbationChoices.Scaled)
        .NotedWhen(static o => o.AsamParams != "all" && !o.HasAsam, WithoutAsam);

    /// <summary>Which parameters are moved, names with commas between.</summary>
    public string PerturbParams { get => PerturbParamsOption[this]; set => PerturbParamsOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> PerturbParamsOption = List("perturb-params", "all",
            "parameters that are moved: all, those of normalisation layers, or all but those", PerturbationChoices.Parameters)
        .KnownAs("parameters");

    /// <summary>What directions are divided by, names with commas between.</summary>
    public string PerturbNorm { get => PerturbNormOption[this]; set => PerturbNormOption[this] = value; }
    internal static readonly OptionSpec<ForgettingOptions, string> PerturbNormOption = List("perturb-norm", "l2",
            "what a direction is divided by: its norm, or nothing, so that rho is a factor of the gradient", PerturbationChoices.Norms)
        .KnownAs("norm");

    const int MostSteps = 1000;

    const string NoNumber = "needs one number or more.", WithoutObf = "has no effect without obf or obf-softmax among --perturb.",
        WithoutAsam = "has no effect without before, after or both among --asam.";

    /// <summary>The kinds that <see cref="Perturb"/> names.</summary>
    internal IEnumerable<StudiedPerturbation> Kinds => StudiedPerturbations.Kinds.Parse(Perturb);

    bool HasAsam => PerturbationChoices.Asam.Parse(Asam).Any(static a => a != AsamPlace.Off);

    bool Has(Func<StudiedPerturbation, bool> kind) => Kinds.Any(kind);

    static bool IsNotNegative(double number) => number >= 0 && double.IsFinite(number);

    static bool IsWhole(double number, int most) => number >= 1 && number <= most && number == Math.Floor(number);

    static OptionSpec<ForgettingOptions, double[]> Numbers(string name, double[] fallback, string help)
    {
        var spec = GridTopic.Option(name, fallback, help);
        return spec.RefusedWhen(o => spec[o].Length == 0, NoNumber);
    }

    static OptionSpec<ForgettingOptions, string> List<T>(string name, string fallback, string help, ChoiceList<T> choices)
    {
        var spec = GridTopic.Option(name, fallback, help);
        return spec.RefusedForEach(o => choices.Problems(spec[o]));
    }
}
