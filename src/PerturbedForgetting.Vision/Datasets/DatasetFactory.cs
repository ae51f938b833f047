using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers.Parquet;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;
using PerturbedForgetting.Vision.Datasets.Containers.Zip;
using PerturbedForgetting.Vision.Datasets.ImageNet;
using PerturbedForgetting.Vision.Datasets.Tfds;
using PerturbedForgetting.Vision.Datasets.WebDataset;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Opens data sets by their names.</summary>
public static class DatasetFactory
{
    static readonly IReadOnlyList<DatasetKind> Kinds =
    [
        new(["folder", "image_folder"], static r => ZipSet.IsArchive(r.DataDir)
            ? ZipSet.Open(r.DataDir, r.Split, r.Options)
            : TarSet.Holds(r.DataDir, r.Split) ? TarSet.Open(r.DataDir, r.Split, r.Options)
            : ParquetSet.Holds(r.DataDir) ? ParquetSet.Open(r.DataDir, r.Split, r.Options)
            : ImageFolderDataset.OpenSplit(r.DataDir, r.Split, r.Options)),
        new([ParquetSet.Name, "huggingface"], static r => ParquetSet.Open(r.DataDir, r.Split, r.Options)),
        new(["tar"], static r => TarSet.Open(r.DataDir, r.Split, r.Options)),
        new(["imagenet", "torch/imagenet"], static r => ImageNetSet.Open(r.DataDir, r.Split, r.Options)),
        new(["wds", "webdataset"], static r => WebDatasetSet.Open(r.DataDir, r.Split, r.Options)),
        new(["cifar10"], static r => CifarDataset.Open(10, r.DataDir, r.Split, r.Options)),
        new(["cifar100"], static r => CifarDataset.Open(100, r.DataDir, r.Split, r.Options)),
        new(["mnist"], static r => MnistDataset.Open(r.DataDir, r.Split, r.Options)),
        new([.. TfdsFolder.Known], static r => TfdsDataset.Open(r.Dataset, r.DataDir, r.Split, r.Options), Prefix: TfdsFolder.Prefix),
        new([ImageNetScores.Real], static r => RealDataset.Open(r)),
        new([.. VariantDataset.Names], static r => VariantDataset.Open(r.Dataset, r.DataDir, r.Split, r.Options)),
        new([ShapesOptions.Name], static r => new ShapesDataset(ShapesOptions.Parse(r.Dataset, r.Options.Seed),
            SplitNames.IsTraining(r.Split, ShapesOptions.Name), r.Options.Classes), NeedsData: false, TakesSettings: true),
    ];

    /// <summary>Names that <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Kinds.SelectMany(k => k.Names)];

    /// <summary>Whether a data set can have this name.</summary>
    public static bool Knows(string dataset) => Kinds.Any(k => k.Matches(dataset));

    /// <summary>Opens a split of a data set.</summary>
    /// <param name="dataset">One of <see cref="Names"/>, or "" for images in folders; builtin/shapes with optional settings
    /// (builtin/shapes:share=0.9,train=5000,val=1000,size=32).</param>
    /// <param name="dataDir">The folder that holds the set; not needed by built-in ones.</param>
    /// <param name="split">Name of the split, as train, validation or test, or of a sub-folder.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">The name is unknown, or the set cannot be used; the message says why.</exception>
    public static Dataset Open(string dataset, string? dataDir, string split, DatasetOptions? options = null)
    {
        string name = dataset.Length > 0 ? dataset : "folder";
        DatasetKind kind = Kinds.FirstOrDefault(k => k.Matches(name))
            ?? throw new DatasetException($"`{nameof(dataset)}` {dataset} is unknown.{Suggestions.DidYouMean(dataset, Names)} "
                + $"Known: {string.Join(", ", Names)}", wrongOption: true);
        return kind.NeedsData && string.IsNullOrEmpty(dataDir)
            ? throw new DatasetException($"`{nameof(dataset)}` {name} needs `{nameof(dataDir)}`, the folder that holds it "
                + $"(or try `{nameof(dataset)}` {ShapesOptions.Name}, which needs nothing)", wrongOption: true)
            : WithRealLabels(kind.Open(new DatasetRequest(name, dataDir ?? "", split, options ?? new DatasetOptions())), options);
    }

    static Dataset WithRealLabels(Dataset data, DatasetOptions? options) =>
        options?.RealLabelsFile is { } file && !data.HasLabelSets ? RealDataset.Open(data, file) : data;
}
