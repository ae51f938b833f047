using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Opens data sets by the names of the command line.</summary>
public static class DatasetFactory
{
    /// <summary>Names that <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["folder", "image_folder", "cifar10", "cifar100", "mnist", ShapesOptions.Name];

    /// <summary>Opens a split of a data set.</summary>
    /// <param name="name">folder, image_folder or "" (images in folders), cifar10, cifar100, mnist, or builtin/shapes with
    /// optional settings (builtin/shapes:share=0.9,train=5000,val=1000,size=32).</param>
    /// <param name="dataDir">The folder that holds the set; not needed by built-in ones.</param>
    /// <param name="split">Name of the split, as train, validation or test, or of a sub-folder.</param>
    /// <param name="options">Further choices.</param>
    /// <exception cref="DatasetException">The name is unknown, or the set cannot be used; the message says why.</exception>
    public static Dataset Open(string name, string? dataDir, string split, DatasetOptions? options = null)
    {
        options ??= new DatasetOptions();
        if (name == ShapesOptions.Name || name.StartsWith(ShapesOptions.Name + ":", StringComparison.Ordinal))
            return new ShapesDataset(ShapesOptions.Parse(name, options.Seed), SplitNames.IsTraining(split, ShapesOptions.Name), options.Classes);
        if (name.Length > 0 && !Names.Contains(name))
            throw Unknown(name);
        if (string.IsNullOrEmpty(dataDir))
            throw new DatasetException($"--dataset {(name.Length > 0 ? name : "folder")} needs --data-dir, the folder that holds it (or try --dataset {ShapesOptions.Name}, which needs nothing)", wrongOption: true);
        return name switch
        {
            "cifar10" => CifarDataset.Open(10, dataDir, split, options),
            "cifar100" => CifarDataset.Open(100, dataDir, split, options),
            "mnist" => MnistDataset.Open(dataDir, split, options),
            _ => ImageFolderDataset.OpenSplit(dataDir, split, options),
        };
    }

    static DatasetException Unknown(string name)
    {
        string known = string.Join(", ", Names);
        if (name.StartsWith("tfds/", StringComparison.Ordinal))
            return new DatasetException($"--dataset {name}: TensorFlow data sets are not read; export the images to folders and use --dataset folder. Known: {known}", wrongOption: true);
        return new DatasetException($"--dataset {name} is unknown.{Suggestions.DidYouMean(name, Names)} Known: {known}", wrongOption: true);
    }
}
