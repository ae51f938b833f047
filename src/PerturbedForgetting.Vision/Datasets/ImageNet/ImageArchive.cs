using PerturbedForgetting.Vision.Datasets.Containers.Tar;
using PerturbedForgetting.Vision.Datasets.Containers.Zip;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>Opens what was downloaded: a folder, or an archive of one.</summary>
static class ImageArchive
{
    /// <summary>The ends of archives' names.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [.. TarNames.Extensions, ZipSet.Extension];

    /// <summary>Opens a folder or archive that has a folder of images for each class.</summary>
    /// <exception cref="DatasetException">It cannot be used.</exception>
    public static Dataset OpenFolders(string path, DatasetOptions options) => Directory.Exists(path)
        ? ImageFolderDataset.Open(path, options)
        : ZipSet.IsArchive(path) ? ZipSet.Open(path, "", options) : TarSet.Open(path, "", options);
}
