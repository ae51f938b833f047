using System.Security.Cryptography;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Measures one checkpoint over the grid; what is known already is not measured again.</summary>
/// <param name="options">Of the command.</param>
/// <param name="given">The options that a person gave.</param>
/// <param name="store">What is known.</param>
/// <param name="progress">Hears how far it is.</param>
/// <param name="observer">Hears what a person should know.</param>
/// <param name="token">Ends it.</param>
sealed class ModelStudy(ForgettingOptions options, IReadOnlySet<OptionSpec>? given, CellStore store, StudyProgress progress,
    ITrainingObserver observer, CancellationToken token)
{
    /// <summary>Measures a checkpoint.</summary>
    /// <param name="target">The checkpoint.</param>
    /// <param name="begun">Receives the model before its first result, which then come one after the other.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public void Run(StudyTarget target, Action<StudiedModel> begun)
    {
        using var checkpoint = ModelCheckpoint<ForgettingOptions>.Open(options with { Checkpoint = target.Path }, given);
        var own = checkpoint.Options;
        own.RequireData();
        var (training, heldOut) = OpenData(own, checkpoint);
        using var ownsTraining = training;
        using var ownsHeldOut = heldOut;
        int numClasses = checkpoint.NumClasses ?? training.Classes.Count;
        training.CheckLabels(numClasses);
        heldOut.CheckLabels(numClasses);
        var images = new StudyImages(training, heldOut, own);
        var cases = CasesOf(own, numClasses);
        images.Require(cases);
        using var loaded = LoadedModel.Create(checkpoint, numClasses, Math.Max(training.Count, heldOut.Count), observer);
        var model = new StudiedModel(target.Run, target.Path, target.Epoch, target.Recorded ?? checkpoint.Evaluation?.Metrics,
            (checkpoint.Classes ?? training.Classes).Names);
        begun(model);
        Say(images, training, heldOut, cases);
        string identity = Identity(own, checkpoint.File!, images, loaded);
        using var perturbed = new PerturbedModel(loaded.Model, Losses.Training(own),
            own.BatchNorm == ForgettingOptions.BatchStatistics, (ulong)own.SampleSeed);
        using var measurement = new CellMeasurement(loaded, perturbed, images, new OutputDistribution(IsSigmoid(own)), progress, observer,
            token);
        if (own.TopEigenvalue)
        {
            model.TopEigenvalue = FindEigenvalue($"{identity}\n{Correlations.TopEigenvalue}",
                key => progress.MeasureEigenvalue(model.ToString(), () => measurement.MeasureEigenvalue(key)));
        }
        foreach (var perturbation in cases)
        {
            token.ThrowIfCancellationRequested();
            string key = $"{identity}\n{perturbation}";
            var cell = store.Find(key, own.Perturbations, numClasses);
            if (cell is not null)
                progress.Found();
            else
            {
                cell = progress.Measure($"{model}: {perturbation}", () => measurement.Measure(perturbation, key, own.Perturbations));
                store.Save(cell);
            }
            if (!cell.IsFinite())
            {
                observer.Message(MessageLevel.Warning,
                    $"{model}: {perturbation}: some numbers are not finite; their fields stay empty. A smaller rho may help.");
            }
            model.Cells.Add((perturbation, cell));
        }
    }

    EigenvalueResult FindEigenvalue(string key, Func<string, EigenvalueResult> measure)
    {
        if (store.FindEigenvalue(key) is { } known)
        {
            progress.FoundEigenvalue();
            return known;
        }
        var found = measure(key);
        store.Save(found);
        return found;
    }

    /// <summary>The grid, for a model of so many classes.</summary>
    /// <exception cref="OptionException">It needs a C that the number of classes does not give.</exception>
    public static IReadOnlyList<PerturbationCase> CasesOf(ForgettingOptions options, int numClasses)
    {
        var kinds = options.Kinds.ToArray();
        if (options.ObfC is null && numClasses < 2 && kinds.Any(StudiedPerturbations.IsOutputBias))
        {
            throw new OptionException(new OptionProblem(ForgettingOptions.ObfCOption.Flag,
                "must be given for a model of one class: it is above 1, or negative for lambda = 0."));
        }
        return PerturbationCase.Grid(kinds, options.Rho, [.. options.SharpnessM.Select(static m => (int)m)], options.ObfGamma,
            options.ObfC ?? [numClasses], PerturbationForm.Grid(options));
    }

    /// <summary>Whether outputs are sigmoids: what the options say, or what the model was trained for.</summary>
    static bool IsSigmoid(ForgettingOptions options) => options.Scores is { } scores ? scores == AnswerScores.Sigmoid : options.BceLoss;

    (Dataset Training, Dataset HeldOut) OpenData(ForgettingOptions own, ModelCheckpoint<ForgettingOptions> checkpoint)
    {
        var data = new TrainOptions { TrainSplit = own.TrainSplit, ValSplit = own.ValSplit, Seed = checkpoint.Training?.Seed ?? 42 };
        foreach (OptionSpec spec in RunOptions.DataTopic.Specs)
            spec.Set(data, spec.Get(own));
        var training = Data.Open(data, data.TrainSplit, checkpoint.Classes, observer, token);
        try
        {
            return Data.WithValidation(training, data, observer, token);
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    void Say(StudyImages images, Dataset training, Dataset heldOut, IReadOnlyList<PerturbationCase> cases)
    {
        foreach (string note in training.Notes.Concat(heldOut.Notes).Distinct(StringComparer.Ordinal))
            observer.Message(MessageLevel.Warning, note);
        if (HoldOut.DescribeOverlap(training, heldOut) is { } overlap)
            observer.Message(MessageLevel.Warning, overlap);
        if (images.Overlap(cases) is > 0 and int common)
        {
            observer.Message(MessageLevel.Info, FormattableString.Invariant(
                $"{common} of the {images.Measured.Length} training images that are measured are also some that perturbations are made ")
                + "from: there are too few others.");
        }
    }

    /// <summary>What was measured, but for the perturbation: everything that changes a number.</summary>
    static string Identity(ForgettingOptions own, WeightsFile file, StudyImages images, LoadedModel loaded)
    {
        IEnumerable<OptionSpec> specs = OptionTables.Forgetting.Specs.Where(static s => s.IsOfTheModel)
            .Concat(RunOptions.LossTopic.Specs)
            .Concat([RunOptions.BatchSizeOption, RunOptions.BadImagesOption, RunOptions.DeterministicOption,
                ForgettingOptions.BatchNormOption, CheckpointOptions.UseTrainSizeOption]);
        var preparation = loaded.Images.Preparation(own).Options.Select(static o => $"{o.Spec.Flag} {OptionValue.Format(o.Value)}");
        return string.Join('\n', (string[])
        [
            FormattableString.Invariant($"format {CellResult.CurrentFormat}"), Hash(file), images.ToString(), loaded.Device.ToString(),
            IsSigmoid(own) ? AnswerScores.Sigmoid : AnswerScores.Softmax, .. preparation,
            .. specs.Select(s => $"{s.Flag} {s.Show(own)}"),
        ]);
    }

    static string Hash(WeightsFile file)
    {
        if (file.Metadata.TryGetValue(SafetensorsFile.ChecksumKey, out string? checksum))
            return checksum;
        using var stream = File.OpenRead(file.Path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
