using System.Text.Json.Serialization;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>The sets of images that a perturbation is measured on.</summary>
static class ImageSets
{
    /// <summary>The m images that the perturbation was made from.</summary>
    public const string Own = "own";

    /// <summary>Images of the training split.</summary>
    public const string Train = "train";

    /// <summary>Images that the model was not trained on.</summary>
    public const string HeldOut = "held_out";

    /// <summary>All, in the order of <see cref="CellResult.Sets"/>.</summary>
    public static readonly IReadOnlyList<string> All = [Own, Train, HeldOut];
}

/// <summary>What perturbations of one kind did to the outputs on one set of images.</summary>
sealed record SetResult
{
    /// <summary>Images of the set.</summary>
    public required int Images { get; init; }

    /// <summary>Measures at the weights: one list a perturbation, or one list where the images are the same for all; in the order of
    /// <see cref="Measure.OfOutputs"/>.</summary>
    public required double[][] Before { get; init; }

    /// <summary>Measures at the perturbed weights: one list a perturbation.</summary>
    public required double[][] After { get; init; }

    /// <summary>Measures of the change: one list a perturbation, in the order of <see cref="Measure.OfChanges"/>.</summary>
    public required double[][] Change { get; init; }

    /// <summary>Share of each class among the labels; null where the images differ from perturbation to perturbation.</summary>
    public double[]? LabelShares { get; init; }

    /// <summary>Numbers of each class at the weights; null likewise.</summary>
    public ClassOutputs? ClassesBefore { get; init; }

    /// <summary>Numbers of each class at the perturbed weights, their mean over the perturbations; null likewise.</summary>
    public ClassOutputs? ClassesAfter { get; init; }

    /// <summary>Value of a measure of outputs at the weights, its mean over the perturbations.</summary>
    public double MeanBefore(int measure) => Before.Average(v => v[measure]);

    /// <summary>Value of a measure of outputs at the perturbed weights, its mean over the perturbations.</summary>
    public double MeanAfter(int measure) => After.Average(v => v[measure]);

    /// <summary>After less before, perturbation by perturbation.</summary>
    public double[] Differences(int measure) =>
        [.. After.Select((v, p) => v[measure] - Before[Math.Min(p, Before.Length - 1)][measure])];

    /// <summary>Whether it has the shape that results of so many perturbations and classes have.</summary>
    internal bool Fits(int perturbations, int classes, bool isShared) => Images > 0
        && Before.Length == (isShared ? 1 : perturbations) && After.Length == perturbations && Change.Length == perturbations
        && Before.Concat(After).All(static v => v?.Length == Measure.OfOutputs.Count)
        && Change.All(static v => v?.Length == Measure.OfChanges.Count)
        && (isShared
            ? LabelShares?.Length == classes && Fits(ClassesBefore, classes) && Fits(ClassesAfter, classes)
            : LabelShares is null && ClassesBefore is null && ClassesAfter is null);

    static bool Fits(ClassOutputs? outputs, int classes) => outputs is { Mean: { } mean, Predicted: { } predicted, Accuracy: { } accuracy }
        && mean.Length == classes && predicted.Length == classes && accuracy.Length == classes;
}

/// <summary>What the perturbations of one case did to one model.</summary>
sealed record CellResult
{
    /// <summary>The format of these files.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Version of the format.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>What was measured of which weights on what: the same text, the same numbers.</summary>
    public required string Key { get; init; }

    /// <summary>L2 norm of what was added to the weights: one a perturbation.</summary>
    public required double[] Norms { get; init; }

    /// <summary>L2 norm of the weights that are trained.</summary>
    public required double WeightNorm { get; init; }

    /// <summary>One a set of images, in the order of <see cref="ImageSets.All"/>.</summary>
    public required SetResult[] Sets { get; init; }

    /// <summary>The result on a set of images.</summary>
    public SetResult On(string set) => Sets[ImageSets.All.TakeWhile(s => s != set).Count()];

    /// <summary>Whether every number is finite; those of classes without images are never counted.</summary>
    public bool IsFinite() => Norms.All(double.IsFinite)
        && Sets.All(static s => s.Before.Concat(s.After).Concat(s.Change).All(static v => v.All(double.IsFinite)));

    /// <summary>Whether it has the shape that results of so many perturbations and classes have.</summary>
    internal bool Fits(string key, int perturbations, int classes) => Format == CurrentFormat && Key == key
        && Norms.Length == perturbations && Sets.Length == ImageSets.All.Count
        && Sets.Zip(ImageSets.All).All(s => s.First?.Fits(perturbations, classes, isShared: s.Second != ImageSets.Own) == true);
}

/// <summary>The largest eigenvalue of one model's Hessian.</summary>
/// <param name="Key">What was measured of which weights on what.</param>
/// <param name="Value">The eigenvalue of the largest magnitude; not a number where products are not finite.</param>
/// <param name="Residual">‖Hv - λv‖ of its eigenvector.</param>
/// <param name="HasConverged">Whether the residual is as small as was asked for.</param>
sealed record EigenvalueResult(string Key, double Value, double Residual, bool HasConverged);

/// <summary>Converts results to and from JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CellResult))]
[JsonSerializable(typeof(EigenvalueResult))]
sealed partial class CellJson : JsonSerializerContext;
