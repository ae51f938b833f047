using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Answers;

/// <summary>What a model says of an image.</summary>
/// <param name="Image">Where the image is.</param>
/// <param name="Classes">The first classes, the likeliest first.</param>
/// <param name="Label">Its class, where that is known.</param>
readonly record struct Answer(string Image, ClassScore[] Classes, int? Label = null);

/// <summary>Names of classes where there are any, else their numbers.</summary>
/// <param name="classes">The classes; null where nothing names them.</param>
sealed class ClassNames(ClassList? classes)
{
    /// <summary>The name of a class.</summary>
    public string this[int index] =>
        classes is not null && index < classes.Count ? classes.Names[index] : FormattableString.Invariant($"{index}");
}
