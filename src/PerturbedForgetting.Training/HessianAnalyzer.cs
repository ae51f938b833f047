using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Runs;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Looks at the Hessian of a trained model's loss: the work of the command <c>hessian</c>, and of
/// <c>validate --validate-hessian</c>.</summary>
public static class HessianAnalyzer
{
    const int VectorsOfPowerIteration = 3;

    /// <summary>Finds eigenvalues, trace, density and sharpness, as far as the options ask for them.</summary>
    /// <param name="options">Checkpoint, images and what to find.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it; the files hold what was found until then.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults. Of the others, model,
    /// loss, images and data are those of the checkpoint's training.</param>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="RunException">It is a folder, but not that of a run.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="NotFiniteException">The loss or a product is not finite.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static HessianReport Run(HessianOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid();
        HessianFiles.Require(options);
        if (Directory.Exists(options.Checkpoint))
            options = options with { Checkpoint = LastOf(options.Checkpoint) };
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        using var checkpoint = ModelCheckpoint<HessianOptions>.Open(options, given);
        options = checkpoint.Options;
        options.RequireData();
        RequireGroups(options);
        using var data = OpenImages(checkpoint, observer, token);
        // In a random order, because groups of m-sharpness are neighbours, and folders are sorted by class.
        var order = LoaderOptions.Evaluation(options.BatchSize, options.Workers) with { Shuffle = true, Seed = (ulong)options.Seed };
        using var setup = HessianSetup.Open(checkpoint, data, static images => images.EvaluationTransform, order, options.Images, observer);
        var estimate = MemoryEstimate.OfHessian(options, setup.Classes, (int)setup.Batches.Images, HessianAnalysis.Vectors(options),
            options.Block ?? (options.Trace + options.Density > 0 ? 4 : 1));
        if (HostMemory.Feeds(setup.Device, options))
            estimate.Require(HostMemory.Find(), options);
        setup.KeepTapes(options.KeepGib * (1L << 30), options, estimate);
        var analysis = new HessianAnalysis(setup, options, new(options.Model, checkpoint.Path, data.Name, setup.Batches.Images,
            Losses.Describe(options), setup.Space.Dimension, setup.Device.ToString(), options.Seed), observer);
        try
        {
            analysis.Run(token);
        }
        catch (ArithmeticException e)
        {
            throw NotFinite(e);
        }
        catch (OperationCanceledException)
        {
            observer.Message(MessageLevel.Warning, HessianReportText.Table(analysis.Report).TrimEnd());
            throw;
        }
        TellKept(setup, observer);
        TellBadImages(setup, observer);
        return analysis.Report;
    }

    /// <summary>The eigenvalue of the largest magnitude by power iteration, in place of an evaluation.</summary>
    /// <param name="options">Options of <c>validate</c>, which <see cref="RunOptions.RequireValid"/> has seen.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="given">As in <see cref="Run"/>.</param>
    /// <returns>The eigenvalue, with its residual.</returns>
    /// <exception cref="NotFiniteException">The loss or a product is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    internal static DominantEigenvalue Dominant(ValidateOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given)
    {
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        using var checkpoint = ModelCheckpoint<ValidateOptions>.Open(options, given);
        options = checkpoint.Options;
        options.RequireData();
        TellOtherLoss(checkpoint, observer);
        using var data = Data.OpenEvaluated(options, checkpoint.Classes, checkpoint.Training, observer, token);
        using var setup = HessianSetup.Open(checkpoint, data,
            images => (images with { Interpolation = options.TrainInterpolation ?? images.Interpolation }).EvaluationTransform,
            LoaderOptions.Evaluation(options.BatchSize, options.Workers), images: 0, observer);
        setup.KeepTapes(bytes: null, options, MemoryEstimate.OfHessian(options, setup.Classes, (int)setup.Batches.Images,
            VectorsOfPowerIteration, block: 1));
        var progress = new PassProgress(observer, setup.Batches.Images, setup.BatchesOfAPass);
        progress.Begin("power iteration", options.SharpnessIters);
        var iteration = new PowerIteration(setup.Operator(1, progress.BatchDone), setup.Space,
            new(1, options.SharpnessTol, options.SharpnessIters, Seed: 42));
        try
        {
            iteration.Run(s => progress.PassDone(FormattableString.Invariant(
                $"{s.Estimates[0].Value:G6} with residual {s.Estimates[0].Residual:G2}")), token);
        }
        catch (ArithmeticException e)
        {
            throw NotFinite(e);
        }
        var state = iteration.State;
        var found = state.Estimates[0];
        observer.Message(found.HasConverged ? MessageLevel.Info : MessageLevel.Warning,
            FormattableString.Invariant($"Power iteration {(found.HasConverged ? "converged" : "did not converge")} in ")
            + FormattableString.Invariant($"{Quantity.Of(state.Iterations, "pass", "passes")}: {found.Value:R}, residual ")
            + FormattableString.Invariant($"{found.Residual:G4}; PyHessian returns the value before, {iteration.BeforeLast:R}."));
        TellBadImages(setup, observer);
        return new(options.Model, Losses.Describe(options), setup.Batches.Images, found, state.Iterations, iteration.BeforeLast);
    }

    /// <summary>The last checkpoint of a run's folder.</summary>
    static string LastOf(string folder) => RunRecord.Read(folder).LastCheckpoint
        ?? throw new CheckpointException(folder, "the run has written no checkpoint yet.");

    /// <summary>What the model was trained on, or the split that was asked for in its place.</summary>
    static Dataset OpenImages(ModelCheckpoint<HessianOptions> checkpoint, ITrainingObserver observer, CancellationToken token)
    {
        var options = checkpoint.Options;
        var whole = Data.Open(options, options.Split, checkpoint.Classes, observer, token, checkpoint.Training?.Seed);
        return options.ValShare is { } share ? HoldOut.Split(whole, share, (ulong)options.ValSeed).Training : whole;
    }

    static void RequireGroups(HessianOptions options)
    {
        foreach (double m in options.SharpnessM ?? [])
        {
            if (options.BatchSize % m != 0)
            {
                throw new OptionException(new OptionProblem(HessianOptions.SharpnessMOption.Flag, FormattableString.Invariant(
                    $"{m} does not divide {RunOptions.BatchSizeOption} {options.BatchSize}, of which groups are parts.")));
            }
        }
    }

    static void TellOtherLoss(ModelCheckpoint<ValidateOptions> checkpoint, ITrainingObserver observer)
    {
        if (checkpoint.Training is not { } run)
            return;
        string[] others = [.. RunOptions.LossTopic.Specs.Where(s => s.Show(run) != s.Show(checkpoint.Options))
            .Select(s => $"{s} {s.Show(checkpoint.Options)} (training: {s.Show(run)})")];
        if (others.Length > 0)
            observer.Message(MessageLevel.Warning, $"Not the loss of the training: {string.Join(", ", others)}.");
    }

    static void TellKept(HessianSetup setup, ITrainingObserver observer)
    {
        if (setup.Tapes is { Count: > 0 } tapes)
        {
            observer.Message(MessageLevel.Info, FormattableString.Invariant(
                $"Activations of {tapes.Images} of {Quantity.Of(setup.Batches.Images, "image")} stayed in memory between passes, ")
                + FormattableString.Invariant($"{tapes.Bytes / (double)(1L << 30):0.00} GiB; {HessianOptions.KeepGibOption} limits it."));
        }
    }

    static void TellBadImages(HessianSetup setup, ITrainingObserver observer)
    {
        foreach (var bad in setup.BadImages)
            observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
    }

    static NotFiniteException NotFinite(ArithmeticException e) =>
        new($"{e.Message} Look at the checkpoint's weights, and at the loss that {ValidateOptions.BceReductionOption} gives.");
}
