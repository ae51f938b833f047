using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Presets;

/// <summary>What the presets of one model on one data set have in common.</summary>
/// <param name="Prefix">Their names begin with it.</param>
/// <param name="Title">For people.</param>
/// <param name="Options">Options of <c>train</c> as they are typed.</param>
/// <param name="Evaluations">Options of <c>validate</c> for each set that the model is measured on, by the name of that set.</param>
/// <param name="Hessian">Options of <c>validate</c> for the largest eigenvalue of the Hessian; null where the paper has none.</param>
public sealed record PresetFamily(string Prefix, string Title, string Options, IReadOnlyList<(string Name, string Options)> Evaluations,
    string? Hessian);

/// <summary>An evaluation that follows a training.</summary>
/// <param name="Options">Of <c>validate</c>.</param>
/// <param name="Given">Those of them that are given.</param>
public sealed record PresetEvaluation(ValidateOptions Options, IReadOnlyList<OptionSpec> Given);

/// <summary>One experiment: a name for options of <c>train</c>, and for those of the evaluations that follow.</summary>
/// <param name="Family">What it shares with others.</param>
/// <param name="Suffix">What its name has behind that of the family.</param>
/// <param name="Own">Its own options, as they are typed; they win over the family's.</param>
/// <param name="Source">The preset whose weights it starts from; null begins with fresh ones.</param>
/// <param name="TwinOf">The experiment of the paper that it stands for on a small scale; null for those of the paper.</param>
public sealed record Preset(PresetFamily Family, string Suffix, string Own, string? Source = null, string? TwinOf = null)
{
    /// <summary>Names of a last checkpoint: this program's, and the reference's.</summary>
    static readonly string[] lastNames = ["last.safetensors", "last.pth.tar"];

    /// <summary>Its name, and that of the run's folder.</summary>
    public string Name => $"{Family.Prefix}_{Suffix}";

    /// <summary>Sets the options that it gives.</summary>
    /// <param name="options">Changed in place.</param>
    /// <returns>The options that were set. The weights that it starts from are not among them: they lie in the folder of results
    /// (<see cref="SourcePath"/>).</returns>
    public IReadOnlyList<OptionSpec> Apply(TrainOptions options) =>
        OptionWords.Apply(options, OptionWords.Split($"{Family.Options} --experiment {Name} {Own}"));

    /// <summary>Where the weights are that it starts from, the last checkpoint of the run before it, which may be one of the reference's;
    /// null where it starts with fresh ones.</summary>
    /// <param name="options">Say where results are.</param>
    public string? SourcePath(TrainOptions options) => Source is null ? null : LastOf(RunFolder.OutputOf(options), Source);

    /// <summary>The last checkpoint of a run, or where it will be.</summary>
    /// <param name="output">The folder of results.</param>
    /// <param name="run">Name of the run.</param>
    internal static string LastOf(string output, string run) =>
        lastNames.Select(name => Path.Combine(output, run, name)).FirstOrDefault(File.Exists) ?? Path.Combine(output, run, lastNames[0]);

    /// <summary>Completes its options once all that were given are known: the images of an update stay the same for another batch, and the
    /// weights that it starts from are those in the folder of results.</summary>
    /// <param name="options">Its options with those that were given.</param>
    /// <param name="given">Those that were given beside the preset's.</param>
    /// <exception cref="OptionException">A batch that was given does not divide an update.</exception>
    public void Settle(TrainOptions options, IReadOnlySet<OptionSpec> given)
    {
        TrainOptions own = new();
        Apply(own);
        int images = own.BatchSize * own.GradAccumSteps;
        if (given.Contains(RunOptions.BatchSizeOption) && !given.Contains(TrainOptions.GradAccumStepsOption))
        {
            if (options.BatchSize < 1 || images % options.BatchSize != 0)
                throw new OptionException(new OptionProblem(RunOptions.BatchSizeOption.Flag, FormattableString.Invariant(
                    $"{options.BatchSize} does not divide the {images} images of an update of {Name}; ")
                    + $"give {TrainOptions.GradAccumStepsOption}, too, for another number."));
            options.GradAccumSteps = images / options.BatchSize;
        }
        if (!given.Contains(TrainOptions.PretrainedPathOption))
            options.PretrainedPath = SourcePath(options);
    }

    /// <summary>Refuses to begin without the weights that it starts from.</summary>
    /// <exception cref="OptionException">They are not there.</exception>
    public void RequireSource(TrainOptions options)
    {
        if (Source is null || options.PretrainedPath != SourcePath(options) || File.Exists(options.PretrainedPath)
            || RunFolder.Continued(options) is { } folder && CheckpointFolder.HasCheckpoints(folder))
            return;
        throw new OptionException(new OptionProblem(TrainOptions.PretrainedPathOption.Flag,
            $"'{options.PretrainedPath}' is not there: {Name} starts from the weights of {Source}. "
                + "Run that preset first, or name a file."));
    }

    /// <summary>The options of <c>validate</c> for each of its test sets.</summary>
    /// <param name="options">Of its training, which say where the run is.</param>
    public IReadOnlyList<(string Name, PresetEvaluation Evaluation)> Evaluations(TrainOptions options) =>
        [.. Family.Evaluations.Select(e => (e.Name, Evaluation(options, e.Options)))];

    /// <summary>The options of <c>validate</c> for the largest eigenvalue of its Hessian; null where the paper has none.</summary>
    /// <param name="options">Of its training, which say where the run is.</param>
    public PresetEvaluation? Hessian(TrainOptions options) =>
        Family.Hessian is null ? null : Evaluation(options, $"{ValidateOptions.ValidateHessianOption} {Family.Hessian}");

    static PresetEvaluation Evaluation(TrainOptions options, string words)
    {
        ValidateOptions evaluation = new();
        var given = OptionWords.Apply(evaluation, OptionWords.Split(words)).ToList();
        evaluation.Checkpoint = LastOf(RunFolder.OutputOf(options), options.Experiment);
        given.Add(CheckpointOptions.CheckpointOption);
        if (options.DataDir is { } data && given.Contains(RunOptions.DatasetOption))
        {
            evaluation.DataDir = data;
            given.Add(RunOptions.DataDirOption);
        }
        return new(evaluation, given);
    }
}
