using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Opens WebDataset shards: tar archives in which files of one name and several extensions make a sample.</summary>
static class WebDatasetSet
{
    /// <summary>A file beside the shards that lists the classes.</summary>
    public const string ClassesFile = "classes.txt";

    /// <summary>Opens a split.</summary>
    /// <param name="dataDir">A folder of shards, a shard, or a pattern.</param>
    /// <param name="split">Name of the split, or a pattern of shards in the folder.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">There is no such shard, or one cannot be used.</exception>
    public static Dataset Open(string dataDir, string split, DatasetOptions options)
    {
        List<string> notes = [];
        List<string> shards = ShardSplit.Find(dataDir, split, notes);
        (ContainerFiles files, ShardIndex[] indices) = new ShardIndexer().Open(shards, options, notes);
        try
        {
            string name = ShardList.IsPattern(split) ? Path.Combine(dataDir, split) : dataDir;
            return Open(name, shards, files, indices, options, notes);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    static TarDataset Open(
        string name, List<string> shards, ContainerFiles files, ShardIndex[] indices, DatasetOptions options, List<string> notes)
    {
        int count = indices.Sum(static i => i.Samples.Count);
        if (count == 0)
            throw new DatasetException($"{name}: no sample of {Quantity.Of(shards.Count, "shard")} has an image (.jpg, .png, .webp, …)");
        HashSet<SampleLabel> labels = [.. indices.SelectMany(static i => i.Labels)];
        (ClassList classes, Dictionary<SampleLabel, int> numbers) =
            LabelTexts.Resolve(name, labels, count, Required(shards, options, notes));
        List<TarImage> images = new(count);
        for (int shard = 0; shard < indices.Length; shard++)
        {
            foreach (ShardSample sample in indices[shard].Samples)
            {
                SampleLabel label = indices[shard].Labels[sample.Label];
                images.Add(new TarImage(shard, sample.Image, Label: numbers.GetValueOrDefault(label),
                    Problem: label.Problem.Length > 0 ? label.Problem : null));
            }
        }
        if (options.Classes?.DescribeDifference(classes) is { } difference)
            notes.Add(difference);
        if (indices.Sum(static i => i.WithoutImage) is > 0 and var withoutImage)
            notes.Add($"{Quantity.Of(withoutImage, "sample")} of {name} without an image {(withoutImage == 1 ? "was" : "were")} passed "
                + "over; the files of a sample must follow each other (tar --sort=name)");
        notes.AddRange(TarFindings.Describe(shards, Array.ConvertAll(indices, static i => i.Findings)));
        return new TarDataset(name, files, images, classes, notes);
    }

    static ClassList? Required(List<string> shards, DatasetOptions options, List<string> notes)
    {
        if (options.ClassMapFile is { } map)
            return ClassMap.Read(map);
        if (options.Classes is not null)
            return options.Classes;
        string file = Path.Combine(Path.GetDirectoryName(shards[0]) ?? "", ClassesFile);
        if (!File.Exists(file))
            return null;
        notes.Add($"the names of the classes are those of {file}");
        return ClassMap.Read(file);
    }
}
