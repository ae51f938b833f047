using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Opens data sets by their names.</summary>
public static class DatasetFactory
{
    /// <summary>Names that <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["folder", "image_folder", "cifar10", "cifar100", "mnist", ShapesOptions.Name];

    /// <summary>Opens a split of a data set.</summary>
    /// <param name="dataset">folder, image_folder or "" (images in folders), cifar10, cifar100, mnist, or builtin/shapes with
    /// optional settings (builtin/shapes:share=0.9,train=5000,val=1000,size=32).</param>
    /// <param name="dataDir">The folder that holds the set; not needed by built-in ones.</param>
    /// <param name="split">Name of the split, as train, validation or test, or of a sub-folder.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">The name is unknown, or the set cannot be used; the message says why.</exception>
    public static Dataset Open(string dataset, string? dataDir, string split, DatasetOptions? options = null)
    {
        options ??= new DatasetOptions();
        if (dataset == ShapesOptions.Name || dataset.StartsWith(ShapesOptions.Name + ":", StringComparison.Ordinal))
        {
            return new ShapesDataset(
                ShapesOptions.Parse(dataset, options.Seed), SplitNames.IsTraining(split, ShapesOptions.Name), options.Classes);
        }
        if (dataset.Length > 0 && !Names.Contains(dataset))
            throw Unknown(dataset);
        if (string.IsNullOrEmpty(dataDir))
        {
            throw new DatasetException(
                $"`{nameof(dataset)}` {(dataset.Length > 0 ? dataset : "folder")} needs `{nameof(dataDir)}`, the folder that holds it "
                + $"(or try `{nameof(dataset)}` {ShapesOptions.Name}, which needs nothing)", wrongOption: true);
        }
        return dataset switch
        {
            "cifar10" => CifarDataset.Open(10, dataDir, split, options),
            "cifar100" => CifarDataset.Open(100, dataDir, split, options),
            "mnist" => MnistDataset.Open(dataDir, split, options),
            _ => ImageFolderDataset.OpenSplit(dataDir, split, options),
        };
    }

    static DatasetException Unknown(string dataset)
    {
        string known = string.Join(", ", Names);
        return new DatasetException(dataset.StartsWith("tfds/", StringComparison.Ordinal)
            ? $"`{nameof(dataset)}` {dataset}: TensorFlow data sets are not read; export the images to folders "
                + $"and use `{nameof(dataset)}` folder. Known: {known}"
            : $"`{nameof(dataset)}` {dataset} is unknown.{Suggestions.DidYouMean(dataset, Names)} Known: {known}", wrongOption: true);
    }
}
