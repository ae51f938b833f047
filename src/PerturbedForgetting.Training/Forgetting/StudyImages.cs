using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Which images of two splits a study measures, and which it makes perturbations from. A random order of the training split is
/// cut: perturbations are made from its beginning, and what is measured is its end.</summary>
/// <param name="training">The training split.</param>
/// <param name="heldOut">Images that the model was not trained on.</param>
/// <param name="options">How many, and by which seed.</param>
sealed class StudyImages(Dataset training, Dataset heldOut, ForgettingOptions options)
{
    readonly int[] order = ImageSample.Order(training, options.SampleSeed);

    /// <summary>Training images that are measured, of the set.</summary>
    public int[] Measured => order[^Math.Min(order.Length, options.Images == 0 ? order.Length : options.Images)..];

    /// <summary>Held-out images that are measured, of the set.</summary>
    public int[] HeldOut
    {
        get
        {
            int[] all = ImageSample.Order(heldOut, options.SampleSeed);
            return all[..Math.Min(all.Length, options.Images == 0 ? all.Length : options.Images)];
        }
    }

    /// <summary>Refuses more images for perturbations than there are.</summary>
    /// <param name="cases">The grid.</param>
    /// <exception cref="OptionException">There are too few.</exception>
    public void Require(IReadOnlyList<PerturbationCase> cases)
    {
        if (training.Count == 0 || heldOut.Count == 0)
            throw new DatasetException($"{(training.Count == 0 ? training : heldOut).Name} has no image to measure", wrongOption: true);
        int largest = cases.Max(static c => c.M);
        long needed = (long)largest * options.Perturbations;
        if (needed > training.Count)
        {
            throw new OptionException(new OptionProblem(ForgettingOptions.PerturbationsOption.Flag, FormattableString.Invariant(
                $"{options.Perturbations} perturbations of {largest} images each need {needed}, and {training.Name} has ")
                + FormattableString.Invariant($"{training.Count}; take fewer, or a smaller {ForgettingOptions.SharpnessMOption}.")));
        }
    }

    /// <summary>Training images that are measured although perturbations are made from them too, for the largest m.</summary>
    /// <param name="cases">The grid.</param>
    public int Overlap(IReadOnlyList<PerturbationCase> cases) =>
        Math.Max(0, Measured.Length + (cases.Max(static c => c.M) * options.Perturbations) - training.Count);

    /// <summary>Reads the images that perturbations of m images are made from: a batch a perturbation.</summary>
    public ImageSample ReadOwn(int m, LoadedModel model, ITrainingObserver observer, CancellationToken token) =>
        ImageSample.Read(training, order[..(m * options.Perturbations)], m, options, model, observer, token);

    /// <summary>Reads the training images that are measured.</summary>
    public ImageSample ReadTraining(LoadedModel model, ITrainingObserver observer, CancellationToken token) =>
        ImageSample.Read(training, Measured, options.BatchSize, options, model, observer, token);

    /// <summary>Reads the held-out images that are measured.</summary>
    public ImageSample ReadHeldOut(LoadedModel model, ITrainingObserver observer, CancellationToken token) =>
        ImageSample.Read(heldOut, HeldOut, options.BatchSize, options, model, observer, token);

    /// <summary>What tells these images from others.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"training: {training.Name}, {training.Count}, {training.Classes.Hash}; held out: {heldOut.Name}, {heldOut.Count}; ")
        + FormattableString.Invariant($"{options.Images} images, seed {options.SampleSeed}, {options.Perturbations} perturbations");
}
