namespace PerturbedForgetting.Training.Options;

/// <summary>The options of one command, in the order they are listed.</summary>
public sealed class OptionTable
{
    readonly Dictionary<string, OptionSpec> byKey = new(StringComparer.Ordinal);

    internal OptionTable(params IEnumerable<OptionSpec>[] topics)
    {
        Specs = [.. topics.SelectMany(t => t)];
        foreach (OptionSpec spec in Specs)
            byKey.Add(Key(spec.Name), spec);
    }

    /// <summary>All options.</summary>
    public IReadOnlyList<OptionSpec> Specs { get; }

    /// <summary>The option of this name, with or without leading dashes, underscores taken as dashes; null when there is none.</summary>
    public OptionSpec? Find(string name) => byKey.GetValueOrDefault(Key(name));

    static string Key(string name) => name.TrimStart('-').Replace('_', '-');
}

/// <summary>The tables of options: which topics a command has, in which order.</summary>
public static class OptionTables
{
    static readonly Lazy<OptionTable> LazyTrain = new(static () => new(
        RunOptions.DataTopic.Specs, TrainOptions.DataTopic.Specs,
        RunOptions.ModelTopic.Specs, TrainOptions.ModelTopic.Specs,
        RunOptions.ImagesTopic.Specs, TrainOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs, TrainOptions.BatchesTopic.Specs,
        RunOptions.LossTopic.Specs,
        TrainOptions.OptimizerTopic.Specs, TrainOptions.PerturbationTopic.Specs, TrainOptions.ScheduleTopic.Specs,
        TrainOptions.RunTopic.Specs,
        RunOptions.MachineTopic.Specs, TrainOptions.MachineTopic.Specs, RunOptions.ProcessesTopic.Specs));

    static readonly Lazy<OptionTable> LazyValidate = new(static () => new(
        RunOptions.DataTopic.Specs, ValidateOptions.DataTopic.Specs,
        RunOptions.ModelTopic.Specs, CheckpointOptions.ModelTopic.Specs,
        RunOptions.ImagesTopic.Specs, CheckpointOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs, CheckpointOptions.BatchesTopic.Specs,
        RunOptions.LossTopic.Specs,
        CheckpointOptions.AnswersTopic.Specs, ValidateOptions.AnswersTopic.Specs,
        ValidateOptions.SharpnessTopic.Specs,
        RunOptions.MachineTopic.Specs, ValidateOptions.MachineTopic.Specs, RunOptions.ProcessesTopic.Specs));

    static readonly Lazy<OptionTable> LazyDataCheck = new(static () => new(
        RunOptions.DataTopic.Specs, TrainOptions.DataTopic.Specs,
        [
            RunOptions.NumClassesOption.As(RunOptions.DataTopic.Heading, "number of classes labels must stay below"),
            TrainOptions.SeedOption.As(RunOptions.DataTopic.Heading, "seed of generated data sets"),
        ],
        [RunOptions.CommTimeoutOption]));

    static readonly Lazy<OptionTable> LazyPredict = new(static () => new(
        ImageInputOptions.InputTopic.Specs,
        Reading(ImageInputOptions.InputTopic.Heading),
        RunOptions.ModelTopic.Specs, CheckpointOptions.ModelTopic.Specs,
        [RunOptions.ClassMapOption.As(RunOptions.ModelTopic.Heading, "text file of class names, where no checkpoint has them")],
        RunOptions.ImagesTopic.Specs.Where(IsOfEvaluation), CheckpointOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs, CheckpointOptions.BatchesTopic.Specs,
        CheckpointOptions.AnswersTopic.Specs,
        ImageInputOptions.OutputTopic.Specs, PredictOptions.OutputTopic.Specs,
        RunOptions.MachineTopic.Specs));

    static readonly Lazy<OptionTable> LazyFeatures = new(static () => new(
        ImageInputOptions.InputTopic.Specs,
        RunOptions.DataTopic.Specs, FeaturesOptions.DataTopic.Specs,
        RunOptions.ModelTopic.Specs, CheckpointOptions.ModelTopic.Specs,
        RunOptions.ImagesTopic.Specs.Where(IsOfEvaluation), CheckpointOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs, CheckpointOptions.BatchesTopic.Specs,
        ImageInputOptions.OutputTopic.Specs,
        RunOptions.MachineTopic.Specs));

    static readonly Lazy<OptionTable> LazyForgetting = new(static () => new(
        RunOptions.DataTopic.Specs, ForgettingOptions.DataTopic.Specs,
        ForgettingOptions.CheckpointsTopic.Specs,
        RunOptions.ModelTopic.Specs, CheckpointOptions.ModelTopic.Specs.Where(static s => s != CheckpointOptions.CheckpointOption),
        RunOptions.ImagesTopic.Specs.Where(IsOfEvaluation), CheckpointOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs,
        RunOptions.LossTopic.Specs,
        ForgettingOptions.GridTopic.Specs,
        ForgettingOptions.MeasurementTopic.Specs,
        [
            CheckpointOptions.ScoresOption.As(ForgettingOptions.MeasurementTopic.Heading,
                "what outputs are made of: softmax, or sigmoids divided by their sum; default: as the model was trained"),
        ],
        ForgettingOptions.OutputTopic.Specs,
        RunOptions.MachineTopic.Specs));

    static readonly Lazy<OptionTable> LazyConvert = new(static () => new(
        ConvertOptions.FilesTopic.Specs,
        [CheckpointOptions.CheckpointKeyOption.As(ConvertOptions.FilesTopic.Heading, CheckpointOptions.CheckpointKeyOption.Help)],
        RunOptions.ModelTopic.Specs,
        RunOptions.ImagesTopic.Specs.Where(IsOfEvaluation), CheckpointOptions.ImagesTopic.Specs));

    static readonly Lazy<OptionTable> LazyHessian = new(static () => new(
        RunOptions.DataTopic.Specs, HessianOptions.DataTopic.Specs,
        RunOptions.ModelTopic.Specs, CheckpointOptions.ModelTopic.Specs,
        RunOptions.ImagesTopic.Specs.Where(IsOfEvaluation), CheckpointOptions.ImagesTopic.Specs,
        RunOptions.BatchesTopic.Specs, CheckpointOptions.BatchesTopic.Specs,
        RunOptions.LossTopic.Specs,
        HessianOptions.EigenvaluesTopic.Specs, HessianOptions.SpectrumTopic.Specs, HessianOptions.SharpnessTopic.Specs,
        HessianOptions.OutputTopic.Specs,
        RunOptions.MachineTopic.Specs));

    static readonly Lazy<OptionTable> LazyInspect = new(static () => new(
        RunOptions.DataTopic.Specs, DataToolOptions.DataTopic.Specs, InspectOptions.SheetTopic.Specs));

    static readonly Lazy<OptionTable> LazyConvertData = new(static () => new(
        RunOptions.DataTopic.Specs, DataToolOptions.DataTopic.Specs, ConvertDataOptions.OutputTopic.Specs));

    static readonly Lazy<OptionTable> LazyReport = new(static () => new(ReportOptions.ReportTopic.Specs));

    /// <summary>How images are read, of options of data.</summary>
    static IEnumerable<OptionSpec> Reading(string heading) => RunOptions.DataTopic.Specs
        .Where(static s => s.Name is "bad-images" or "truncated" or "exif" or "io-retries").Select(s => s.As(heading, s.Help));

    static bool IsOfEvaluation(OptionSpec spec) => spec != RunOptions.TrainInterpolationOption;

    /// <summary>Options of <c>data inspect</c>.</summary>
    public static OptionTable Inspect => LazyInspect.Value;

    /// <summary>Options of <c>data convert</c>.</summary>
    public static OptionTable ConvertData => LazyConvertData.Value;

    /// <summary>Options of <c>predict</c>.</summary>
    public static OptionTable Predict => LazyPredict.Value;

    /// <summary>Options of <c>features</c>.</summary>
    public static OptionTable Features => LazyFeatures.Value;

    /// <summary>Options of <c>hessian</c>.</summary>
    public static OptionTable Hessian => LazyHessian.Value;

    /// <summary>Options of <c>forgetting</c>.</summary>
    public static OptionTable Forgetting => LazyForgetting.Value;

    /// <summary>Options of <c>convert</c>.</summary>
    public static OptionTable Convert => LazyConvert.Value;

    /// <summary>Options of <c>train</c>.</summary>
    public static OptionTable Train => LazyTrain.Value;

    /// <summary>Options of <c>validate</c>.</summary>
    public static OptionTable Validate => LazyValidate.Value;

    /// <summary>The options of <c>train</c> that <c>data check</c> takes.</summary>
    public static OptionTable DataCheck => LazyDataCheck.Value;

    /// <summary>Options of <c>report</c>.</summary>
    public static OptionTable Report => LazyReport.Value;

    /// <summary>The table for these options.</summary>
    public static OptionTable For(RunOptions options) => options switch
    {
        TrainOptions => Train,
        PredictOptions => Predict,
        FeaturesOptions => Features,
        HessianOptions => Hessian,
        ForgettingOptions => Forgetting,
        ConvertOptions => Convert,
        InspectOptions => Inspect,
        ConvertDataOptions => ConvertData,
        ReportOptions => Report,
        _ => Validate,
    };
}
