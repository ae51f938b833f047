using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Reports;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Says what an evaluation has in common with that of the run that made the checkpoint: first how images are prepared, then
/// whether the numbers are the same, or why not.</summary>
/// <param name="checkpoint">The options of the evaluation, and what the checkpoint says of the run.</param>
/// <param name="images">How images are prepared here.</param>
sealed class EvaluationComparison(ModelCheckpoint<ValidateOptions> checkpoint, ImageSetup images)
{
    readonly ValidateOptions options = checkpoint.Options;

    /// <summary>Options that decide what is measured, and differ from the run's.</summary>
    readonly OptionChange[] differences = checkpoint is { Training: { } run, Preparation: { } preparation }
        ? [.. Compare(preparation, images.Preparation(checkpoint.Options)), .. Compare(run, checkpoint.Options)]
        : [];

    /// <summary>Before the evaluation: what differs from the run.</summary>
    public void Announce(ITrainingObserver observer)
    {
        if (checkpoint.Preparation is not { } stored)
            return;
        Tell(differences, observer);
        if (images.Size == stored.Size && ModelRegistry.Find(options.Model).Config.TestInputSize is { } larger && larger != stored.Size)
            observer.Message(MessageLevel.Info, $"The reference's own evaluation of this model is at {larger} px: "
                + $"--no-{ValidateOptions.UseTrainSizeOption.Name} gives that.");
    }

    /// <summary>After it: whether the numbers are those of the run, where it was the run's validation split that was evaluated.</summary>
    /// <param name="metrics">What was measured.</param>
    /// <param name="count">Images of the data set.</param>
    /// <param name="device">What it was measured on.</param>
    /// <param name="observer">Receives it.</param>
    public void Conclude(EvaluationMetrics metrics, int count, Device device, ITrainingObserver observer)
    {
        if (checkpoint.Training is not { } run || checkpoint.Evaluation is not { Metrics: var before } evaluation || !IsSameSplit(run))
            return;
        string numbers = FormattableString.Invariant($"top-1 {before.Top1:F4} %, loss {before.Loss:R}");
        if (before == metrics)
        {
            observer.Message(MessageLevel.Info, $"These are the numbers of the training run, bit for bit: {numbers}.");
            return;
        }
        string[] reasons =
        [
            .. differences.Select(d => $"{d.Option} is {d.New} here and was {d.Old}"),
            .. count == evaluation.Images ? [] : (string[])[$"the split has {Quantity.Of(count, "image")} and had {evaluation.Images}"],
            .. device.ToString() == evaluation.Device ? [] : (string[])[$"this is {device} and that was {evaluation.Device}"],
        ];
        observer.Message(MessageLevel.Warning, $"Training measured {numbers}: these are other numbers, because "
            + (reasons.Length > 0 ? string.Join("; ", reasons)
                : "the images are others than they were, or the program is another version") + ".");
    }

    /// <summary>What differs from training in the preparation of images, for commands that measure nothing.</summary>
    /// <param name="checkpoint">The options, and what the checkpoint says of the run.</param>
    /// <param name="images">How images are prepared here.</param>
    /// <param name="observer">Receives it.</param>
    public static void AnnounceImages<TOptions>(ModelCheckpoint<TOptions> checkpoint, ImageSetup images, ITrainingObserver observer)
        where TOptions : CheckpointOptions, new()
    {
        if (checkpoint.Preparation is { } stored)
            Tell([.. Compare(stored, images.Preparation(checkpoint.Options))], observer);
    }

    static void Tell(OptionChange[] differences, ITrainingObserver observer)
    {
        if (differences.Length > 0)
        {
            observer.Message(MessageLevel.Warning, "Not as in training: "
                + string.Join(", ", differences.Select(d => $"{d.Option} {d.New} (training: {d.Old})")));
        }
        else
            observer.Message(MessageLevel.Info, "Images are prepared as in training.");
    }

    bool IsSameSplit(TrainOptions run) => options.ValShare == run.ValShare
        && (run.ValShare is null ? options.Split == run.ValSplit : options.ValSeed == run.ValSeed)
        && options.Dataset == run.Dataset && SamePath(options.DataDir, run.DataDir);

    static bool SamePath(string? a, string? b) =>
        string.IsNullOrEmpty(a) || string.IsNullOrEmpty(b) ? string.IsNullOrEmpty(a) == string.IsNullOrEmpty(b)
            : Path.GetFileName(Path.TrimEndingDirectorySeparator(a)) == Path.GetFileName(Path.TrimEndingDirectorySeparator(b));

    static IEnumerable<OptionChange> Compare(ImagePreparation before, ImagePreparation now) =>
        before.Options.Zip(now.Options, (b, n) => new OptionChange(b.Spec.Flag, OptionValue.Format(b.Value), OptionValue.Format(n.Value)))
            .Where(c => c.Old != c.New);

    /// <summary>Beside the images: the sizes of batches decide the order of sums, and the last bits with it.</summary>
    static IEnumerable<OptionChange> Compare(TrainOptions run, ValidateOptions now)
    {
        int batch = run.ValidationBatchSize ?? run.BatchSize;
        if (batch != now.BatchSize)
            yield return new(RunOptions.BatchSizeOption.Flag, OptionValue.Format(batch), OptionValue.Format(now.BatchSize));
        foreach (OptionSpec spec in (OptionSpec[])[RunOptions.ModelKwargsOption, RunOptions.GpOption, RunOptions.BnEpsOption,
            RunOptions.PrecisionOption, RunOptions.DeterministicOption])
            if (spec.Show(run) != spec.Show(now))
                yield return new(spec.Flag, spec.Show(run), spec.Show(now));
        // Training evaluates by cross entropy without smoothing, whatever it trains with.
        foreach (OptionSpec spec in (OptionSpec[])[RunOptions.SmoothingOption, RunOptions.BceLossOption, ValidateOptions.RealLabelsOption])
            if (spec.Show(now) != spec.Show(new ValidateOptions()))
                yield return new(spec.Flag, spec.Show(new ValidateOptions()), spec.Show(now));
    }
}
