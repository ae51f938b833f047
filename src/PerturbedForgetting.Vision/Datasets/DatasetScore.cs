namespace PerturbedForgetting.Vision.Datasets;

/// <summary>A way to count what a model gets right on a data set.</summary>
/// <param name="Name">Its name in results: "imagenet_r_200".</param>
/// <param name="Title">Its name for people: "ImageNet-R, among its 200 classes".</param>
/// <param name="Among">The classes that an answer is chosen from; null for all.</param>
/// <param name="AnyLabel">Whether each of several labels is right (<see cref="Dataset.LabelSet"/>), and images without any do not
/// count.</param>
public sealed record DatasetScore(string Name, string Title, IReadOnlyList<int>? Among = null, bool AnyLabel = false);
