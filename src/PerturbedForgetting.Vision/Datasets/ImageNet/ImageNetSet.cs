using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>Opens ImageNet (ILSVRC 2012) as it is downloaded: archives with the devkit, Kaggle's folders, or class folders.</summary>
static class ImageNetSet
{
    const string TrainArchive = "ILSVRC2012_img_train", ValidationArchive = "ILSVRC2012_img_val";

    /// <summary>Opens a split.</summary>
    /// <param name="dataDir">The folder that holds the archives, or Kaggle's folder ILSVRC.</param>
    /// <param name="split">train or validation; the classes of the test images are secret.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">The split is not there, or cannot be used.</exception>
    public static Dataset Open(string dataDir, string split, DatasetOptions options)
    {
        string top = File.Exists(dataDir) ? Path.GetDirectoryName(Path.GetFullPath(dataDir))! : dataDir;
        if (!Directory.Exists(top))
            throw new DatasetException($"`{nameof(dataDir)}`: there is no folder {dataDir}", wrongOption: true);
        // Kaggle's archive unpacks to ILSVRC/Data/CLS-LOC, with the tables beside ILSVRC.
        string[] folders =
        [
            top, Path.Combine(top, "ILSVRC", "Data", "CLS-LOC"), Path.Combine(top, "Data", "CLS-LOC"), Path.Combine(top, "CLS-LOC"),
            .. RealPath.Parents(Path.GetFullPath(top)).Take(3),
        ];
        return SplitNames.IsTraining(split, "imagenet") ? OpenTraining(folders, split, options) : OpenValidation(folders, options);
    }

    static Dataset OpenTraining(string[] folders, string split, DatasetOptions options)
    {
        foreach (string folder in folders[..4])
        {
            if (Archive(folder, TrainArchive) is { } archive)
                return TarSet.Open(archive, [archive], split, isSplit: true, options);
            foreach (string name in new[] { "train", TrainArchive })
            {
                string path = Path.Combine(folder, name);
                if (TarNames.In(path) is { Count: > 0 } classes)
                    return TarSet.Open(path, classes, split, isSplit: true, options);
                if (Directory.Exists(path))
                    return ImageFolderDataset.Open(path, options);
            }
        }
        throw NotThere(folders[0], $"{TrainArchive}.tar nor a folder train (Kaggle: ILSVRC/Data/CLS-LOC/train)");
    }

    static Dataset OpenValidation(string[] folders, DatasetOptions options)
    {
        foreach (string folder in folders[..4])
        {
            if (Archive(folder, ValidationArchive) is { } archive)
                return OpenArchive(archive, ValidationLabels.Find(folders), options);
            foreach (string name in new[] { "val", "validation", ValidationArchive })
            {
                string path = Path.Combine(folder, name);
                if (!Directory.Exists(path))
                    continue;
                return FolderScan.HoldsImages(path) ? OpenFlat(path, ValidationLabels.Find(folders), options)
                    : ImageFolderDataset.Open(path, options);
            }
        }
        throw NotThere(folders[0], $"{ValidationArchive}.tar nor a folder val (Kaggle: ILSVRC/Data/CLS-LOC/val)");
    }

    static TarDataset OpenArchive(string path, ValidationLabels labels, DatasetOptions options)
    {
        List<string> notes = [];
        (ContainerFiles files, TarIndex[] indices) = new TarIndexer().Open([path], options, notes);
        try
        {
            if (indices[0].Images.Count == 0)
                throw new DatasetException($"{path} holds no image");
            ClassList classes = Classes(path, labels, options, notes);
            TarMember[] members = [.. indices[0].Images.OrderBy(static m => m.Name, StringComparer.Ordinal)];
            notes.AddRange(TarFindings.Describe([path], [indices[0].Findings]));
            IEnumerable<TarImage> images = members.Select(m => new TarImage(0, m, Label: classes.IndexOf(labels.Of(m.Name))));
            return new TarDataset(path, files, images, classes, notes);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    static ImageFolderDataset OpenFlat(string folder, ValidationLabels labels, DatasetOptions options)
    {
        List<string> notes = [];
        FolderScan scan = new();
        List<string> images = scan.Images(folder, "");
        ClassList classes = Classes(folder, labels, options, notes);
        List<int> numbers = images.ConvertAll(i => classes.IndexOf(labels.Of(i)));
        return ImageFolderDataset.Create(folder, classes, images, numbers, [.. notes, .. scan.Notes]);
    }

    static ClassList Classes(string where, ValidationLabels labels, DatasetOptions options, List<string> notes) =>
        ClassFolders.Resolve(where, [.. labels.Classes], options, notes);

    static string? Archive(string folder, string stem) =>
        TarNames.Extensions.Select(e => Path.Combine(folder, stem + e)).FirstOrDefault(File.Exists);

    static DatasetException NotThere(string folder, string what) => new($"imagenet: {folder} has neither {what}", wrongOption: true);
}
