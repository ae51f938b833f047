namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>Opens what was downloaded: a folder, or an archive of one.</summary>
static class ImageArchive
{
    /// <summary>The ends of archives' names.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [];

    /// <summary>Opens a folder or archive that has a folder of images for each class.</summary>
    /// <exception cref="DatasetException">It cannot be used.</exception>
    public static Dataset OpenFolders(string path, DatasetOptions options) => ImageFolderDataset.Open(path, options);
}
