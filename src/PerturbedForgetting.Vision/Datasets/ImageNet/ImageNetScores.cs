using PerturbedForgetting.Vision.Datasets.Tfds;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>How accuracy is counted on the sets that TFDS has for models of ImageNet.</summary>
static class ImageNetScores
{
    /// <summary>The set with several labels for an image.</summary>
    public const string Real = "imagenet2012_real";

    /// <summary>The scores of a prepared set.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="folder">The folder of its version, which lies in one of the variant's name.</param>
    /// <param name="classes">Its classes.</param>
    /// <param name="features">Its features.</param>
    public static IReadOnlyList<DatasetScore> Of(string name, string folder, ClassList classes, TfdsFeatures features)
    {
        if (features.LabelSetKey is not null)
            return OfLabelSets(name, name == Real ? "ImageNet-ReaL" : name, features.LabelKey is not null);
        string config = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(folder)) ?? "");
        ImageNetVariant? variant = ImageNetVariant.All.FirstOrDefault(v => v.Name == name || v.Name == $"{name}/{config}");
        return variant?.Scores(variant.Classes is { } few && classes.SameAs(ImageNetClasses.All) ? few : null, classes.Count) ?? [];
    }

    /// <summary>The scores of images with several right labels: of these, and of the one label that they had at first.</summary>
    public static IReadOnlyList<DatasetScore> OfLabelSets(string name, string title, bool hasLabel) =>
    [
        new DatasetScore(name, title, AnyLabel: true),
        .. hasLabel ? [new DatasetScore($"{name}_original", $"{title}, by the images' original labels")] : (DatasetScore[])[],
    ];
}
