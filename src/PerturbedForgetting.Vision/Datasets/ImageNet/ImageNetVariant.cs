namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>A set of other images for the classes of ImageNet, by which models are tested.</summary>
/// <param name="Name">Its name, as TFDS has it: "imagenet_v2/topimages".</param>
/// <param name="Title">Its name for people.</param>
/// <param name="Folder">The folder that its archive makes, with a folder for each class.</param>
/// <param name="Archive">The archive as it is downloaded.</param>
/// <param name="Classes">The classes that it has, where these are not all.</param>
sealed record ImageNetVariant(string Name, string Title, string Folder, string Archive, IReadOnlyList<int>? Classes = null)
{
    const string V2 = "imagenet_v2";

    /// <summary>The sets. Of several that share the first part of their names the first is meant where only that part is given.</summary>
    public static IReadOnlyList<ImageNetVariant> All { get; } =
    [
        new($"{V2}/matched-frequency", "ImageNet-V2 (matched frequency)", "imagenetv2-matched-frequency-format-val",
            "imagenetv2-matched-frequency.tar.gz"),
        new($"{V2}/threshold-0.7", "ImageNet-V2 (threshold 0.7)", "imagenetv2-threshold0.7-format-val", "imagenetv2-threshold0.7.tar.gz"),
        new($"{V2}/topimages", "ImageNet-V2 (top images)", "imagenetv2-top-images-format-val", "imagenetv2-top-images.tar.gz"),
        new("imagenet_r", "ImageNet-R", "imagenet-r", "imagenet-r.tar", ImageNetClasses.OfRenditions),
        new("imagenet_a", "ImageNet-A", "imagenet-a", "imagenet-a.tar", ImageNetClasses.OfAdversarial),
        new("imagenet_sketch", "ImageNet-Sketch", "sketch", "ImageNet-Sketch.zip"),
    ];

    /// <summary>How accuracy is counted on it: among all classes, and where it has some of them only, among these too.</summary>
    /// <param name="among">The classes that it has, as they are numbered in the data set.</param>
    /// <param name="count">How many classes the data set has.</param>
    public IReadOnlyList<DatasetScore> Scores(IReadOnlyList<int>? among, int count) => among is null || among.Count == count
        ? [new DatasetScore(Name, Title)]
        :
        [
            new DatasetScore(Name, $"{Title}, among all {count} classes"),
            new DatasetScore($"{Name}_{among.Count}", $"{Title}, among its {among.Count} classes", among),
        ];
}
