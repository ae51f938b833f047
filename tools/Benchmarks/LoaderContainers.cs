using System.Formats.Tar;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;

namespace Benchmarks;

/// <summary>The same images in every form in which data sets lie.</summary>
static class LoaderContainers
{
    const int Classes = 4;

    /// <summary>Makes the sets of the images of a Parquet file, which the others are compared with.</summary>
    /// <param name="parquet">The file.</param>
    /// <param name="folder">A folder of their own.</param>
    /// <param name="shardBytes">About as large is a tar or TFRecord file.</param>
    /// <returns>Names of the forms, and the sets; the caller disposes them.</returns>
    public static List<(string Form, Dataset Data)> Make(string parquet, string folder, long shardBytes)
    {
        Dataset source = DatasetFactory.Open("parquet", parquet, "train");
        return [("parquet", source), ("folder", Convert(source, "folder", "", folder, shardBytes)),
            ("tfrecord", Convert(source, "tfrecord", "tfds/images", folder, shardBytes)),
            ("webdataset", Convert(source, "webdataset", "webdataset", folder, shardBytes))];
    }

    /// <summary>Makes the sets and opens them.</summary>
    /// <param name="images">The images; each goes to one of a few classes.</param>
    /// <param name="folder">A folder of their own.</param>
    /// <param name="shardBytes">About as large is a tar or TFRecord file.</param>
    /// <returns>Names of the forms, and the sets; the caller disposes them.</returns>
    public static List<(string Form, Dataset Data)> Make(IReadOnlyList<LoaderImage> images, string folder, long shardBytes)
    {
        string root = Path.Combine(folder, "folder");
        for (int i = 0; i < images.Count; i++)
        {
            string path = Path.Combine(root, "train", $"class{i % Classes}", $"{i:D5}.jpg");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, images[i].Bytes);
        }
        Dataset source = DatasetFactory.Open("", root, "train");
        List<(string, Dataset)> sets = [("folder", source)];
        string tar = Path.Combine(folder, "images.tar");
        TarFile.CreateFromDirectory(root, tar, includeBaseDirectory: false);
        sets.Add(("tar", DatasetFactory.Open("tar", tar, "train")));
        sets.Add(("tfrecord", Convert(source, "tfrecord", "tfds/images", folder, shardBytes)));
        sets.Add(("webdataset", Convert(source, "webdataset", "webdataset", folder, shardBytes)));
        return sets;
    }

    static Dataset Convert(Dataset source, string form, string name, string folder, long shardBytes)
    {
        string to = Path.Combine(folder, form);
        DatasetConversion.Run([("train", source)], new DatasetConversionOptions { Form = form, Folder = to, ShardBytes = shardBytes });
        return DatasetFactory.Open(name, to, "train");
    }
}
