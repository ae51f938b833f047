using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Completes the options of an evaluation from a checkpoint.</summary>
static class TrainedOptions
{
    /// <summary>Completes the options; those given win.</summary>
    /// <param name="options">What was given, and defaults.</param>
    /// <param name="info">What the checkpoint says.</param>
    /// <param name="given">Which options were given; null are those that differ from the defaults.</param>
    /// <param name="source">The checkpoint's path, for messages.</param>
    /// <returns>The options; those of the training and how it prepared images, or neither where the weights are taken for another
    /// model.</returns>
    /// <exception cref="OptionException">The checkpoint has options that this program has not.</exception>
    /// <exception cref="CheckpointException">The checkpoint has values that no option may have.</exception>
    public static (T Options, TrainOptions? Training, ImagePreparation? Preparation) Complete<T>(
        T options, ModelInfo info, IReadOnlySet<OptionSpec>? given, string source) where T : CheckpointOptions, new()
    {
        var named = given is not null
            ? given.Select(s => s.Name).ToHashSet(StringComparer.Ordinal)
            : OptionsJson.Diff(new T(), options).Select(c => c.Option.TrimStart('-')).ToHashSet(StringComparer.Ordinal);
        var trained = new TrainOptions();
        OptionsJson.Apply(trained, info.Options.ToJsonString(), source);
        if (named.Contains(RunOptions.ModelOption.Name) && ModelRegistry.Find(options.Model) != ModelRegistry.Find(trained.Model))
            return (options, null, null);
        var completed = options with { };
        void Take(OptionSpec spec, object? value)
        {
            if (!named.Contains(spec.Name))
                spec.Set(completed, value);
        }
        // How products are rounded belongs to a model's answers, and not to its curvature.
        foreach (var spec in OptionTables.For(completed).Specs.Where(s => s.IsOfTheModel
            && !(completed is HessianOptions && s == RunOptions.PrecisionOption)))
            Take(spec, spec.Get(trained));
        // Files of older versions do not say it, but it follows from the options.
        var preparation = info.Images
            ?? ImageSetup.Resolve(trained, ModelRegistry.Find(trained.Model).Config, useTestSize: false).Preparation(trained);
        bool wantsTestSize = named.Contains(CheckpointOptions.UseTrainSizeOption.Name) && !options.UseTrainSize;
        foreach (var (spec, value) in preparation.Options)
            if (!wantsTestSize || (spec != RunOptions.ImgSizeOption && spec != RunOptions.CropPctOption))
                Take(spec, value);
        if (completed is ValidateOptions)
            TakeData(trained, named, Take);
        if (completed is ForgettingOptions or HessianOptions)
            TakeTraining(trained, named, Take, isOfHessian: completed is HessianOptions);
        // Those that were given have been looked at.
        return completed.Validate().FirstOrDefault(p => p.IsError) is { } problem
            ? throw new CheckpointException(source, $"what it says of its training cannot be used: {problem}")
            : (completed, trained, preparation);
    }

    /// <summary>Batches as in the run, because the order of a sum decides its last bits; and its data, where none were named.</summary>
    static void TakeData(TrainOptions trained, HashSet<string> named, Action<OptionSpec, object?> take)
    {
        take(RunOptions.BatchSizeOption, trained.ValidationBatchSize ?? trained.BatchSize);
        take(RunOptions.DeterministicOption, trained.Deterministic);
        if (named.Contains(RunOptions.DatasetOption.Name) || named.Contains(RunOptions.DataDirOption.Name))
            return;
        bool namesSplit = named.Contains(ValidateOptions.SplitOption.Name);
        foreach (OptionSpec spec in RunOptions.DataTopic.Specs)
            if (!namesSplit || (spec != RunOptions.ValShareOption && spec != RunOptions.ValSeedOption))
                take(spec, spec.Get(trained));
        take(ValidateOptions.SplitOption, trained.ValShare is null ? trained.ValSplit : trained.TrainSplit);
    }

    /// <summary>The loss of the run and its data, of what looks at the images as the run did.</summary>
    static void TakeTraining(TrainOptions trained, HashSet<string> named, Action<OptionSpec, object?> take, bool isOfHessian)
    {
        take(RunOptions.DeterministicOption, trained.Deterministic);
        foreach (OptionSpec spec in RunOptions.LossTopic.Specs)
            take(spec, spec.Get(trained));
        if (isOfHessian)
            take(RunOptions.BatchSizeOption, trained.BatchSize);
        // Another folder holds the same data elsewhere; another name is other data.
        if (named.Contains(RunOptions.DatasetOption.Name))
            return;
        // Images are held out of the training split; another one is whole.
        bool isOther = isOfHessian && named.Contains(HessianOptions.SplitOption.Name);
        foreach (OptionSpec spec in RunOptions.DataTopic.Specs)
            if (!isOther || (spec != RunOptions.ValShareOption && spec != RunOptions.ValSeedOption))
                take(spec, spec.Get(trained));
        if (isOfHessian)
        {
            take(HessianOptions.SplitOption, trained.TrainSplit);
            return;
        }
        take(ForgettingOptions.TrainSplitOption, trained.TrainSplit);
        take(ForgettingOptions.ValSplitOption, trained.ValSplit);
    }
}
