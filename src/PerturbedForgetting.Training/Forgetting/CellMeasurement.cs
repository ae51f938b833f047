using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Measures what perturbations do to one model. What its weights say of the images is found out once.</summary>
/// <param name="loaded">The model; the caller disposes it after this.</param>
/// <param name="perturbed">The same, to be perturbed; likewise.</param>
/// <param name="images">What is measured.</param>
/// <param name="distribution">What logits become.</param>
/// <param name="progress">Hears of images that went through the model.</param>
/// <param name="observer">Hears of bad images.</param>
/// <param name="token">Ends a measurement.</param>
sealed class CellMeasurement(LoadedModel loaded, PerturbedModel perturbed, StudyImages images, OutputDistribution distribution,
    StudyProgress progress, ITrainingObserver observer, CancellationToken token) : IDisposable
{
    readonly Dictionary<int, ImageSample> own = [];
    (ImageSample Sample, ModelOutputs Before, OutputMeasures Measures)? training, heldOut;

    /// <summary>Measures the perturbations of a case.</summary>
    /// <param name="perturbation">The case.</param>
    /// <param name="key">What the result is called.</param>
    /// <param name="count">How many perturbations.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public CellResult Measure(PerturbationCase perturbation, string key, int count)
    {
        if (!own.TryGetValue(perturbation.M, out var ownImages))
            own.Add(perturbation.M, ownImages = images.ReadOwn(perturbation.M, loaded, observer, token));
        training ??= Look(images.ReadTraining(loaded, observer, token));
        heldOut ??= Look(images.ReadHeldOut(loaded, observer, token));
        var (ownSet, trainingSet, heldOutSet) = (new SetMeasurement(null), new SetMeasurement(training), new SetMeasurement(heldOut));
        var norms = new double[count];
        for (int p = 0; p < count; p++)
        {
            var before = Evaluate(ownImages, p);
            var (x, y) = ownImages.Batch(p);
            norms[p] = perturbed.Perturb(perturbation, x, y, p, () =>
            {
                ownSet.Add(before, Evaluate(ownImages, p), distribution);
                trainingSet.Add(training.Value.Before, Evaluate(training.Value.Sample), distribution);
                heldOutSet.Add(heldOut.Value.Before, Evaluate(heldOut.Value.Sample), distribution);
            });
        }
        return new()
        {
            Key = key,
            Norms = norms,
            WeightNorm = perturbed.WeightNorm,
            Sets = [ownSet.Result(), trainingSet.Result(), heldOutSet.Result()],
        };
    }

    /// <summary>Finds the top eigenvalue of the Hessian of the loss on the training images.</summary>
    /// <param name="key">What the result is called.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public EigenvalueResult MeasureEigenvalue(string key)
    {
        training ??= Look(images.ReadTraining(loaded, observer, token));
        try
        {
            var found = perturbed.TopEigenvalue(training.Value.Sample, progress.Saw, token);
            return new(key, found.Value, found.Residual, found.HasConverged);
        }
        catch (ArithmeticException e)
        {
            observer.Message(MessageLevel.Warning, e.Message);
            return new(key, double.NaN, double.NaN, false);
        }
    }

    /// <summary>Frees the images.</summary>
    public void Dispose()
    {
        foreach (var sample in own.Values)
            sample.Dispose();
        training?.Sample.Dispose();
        heldOut?.Sample.Dispose();
    }

    (ImageSample, ModelOutputs, OutputMeasures) Look(ImageSample sample)
    {
        var outputs = Evaluate(sample);
        return (sample, outputs, OutputMeasures.Of(outputs, distribution));
    }

    ModelOutputs Evaluate(ImageSample sample) => perturbed.Evaluate(sample.Batches(), sample.Count, progress.Saw, token);

    ModelOutputs Evaluate(ImageSample sample, int batch)
    {
        (Tensor Images, Tensor Labels) one = sample.Batch(batch);
        return perturbed.Evaluate([one], one.Images.Shape[0], progress.Saw, token);
    }

    /// <summary>Gathers what perturbations do to outputs on a set of images.</summary>
    /// <param name="shared">The outputs at the weights, where the images are the same for all perturbations.</param>
    sealed class SetMeasurement((ImageSample Sample, ModelOutputs Before, OutputMeasures Measures)? shared)
    {
        readonly List<double[]> before = [], after = [], change = [];
        readonly List<ClassOutputs> classes = [];
        int imageCount;

        public void Add(ModelOutputs outputs, ModelOutputs perturbedOutputs, OutputDistribution distribution)
        {
            imageCount = outputs.Images;
            if (shared is null || before.Count == 0)
                before.Add((shared?.Measures ?? OutputMeasures.Of(outputs, distribution)).Values);
            var measures = OutputMeasures.Of(perturbedOutputs, distribution);
            after.Add(measures.Values);
            classes.Add(measures.Classes);
            change.Add(OutputChange.Of(outputs, perturbedOutputs, distribution).Values);
        }

        public SetResult Result() => new()
        {
            Images = imageCount,
            Before = [.. before],
            After = [.. after],
            Change = [.. change],
            LabelShares = shared is { } s ? OutputMeasures.LabelShares(s.Before) : null,
            ClassesBefore = shared?.Measures.Classes,
            ClassesAfter = shared is null
                ? null
                : new(Mean(static c => c.Mean), Mean(static c => c.Predicted), Mean(static c => c.Accuracy)),
        };

        double[] Mean(Func<ClassOutputs, double[]> of) =>
            [.. Enumerable.Range(0, of(classes[0]).Length).Select(k => classes.Average(c => of(c)[k]))];
    }
}
