using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>Opens the data sets that options name.</summary>
static class Data
{
    /// <summary>Opens a split.</summary>
    /// <param name="options">Data set, folder, class order and labels.</param>
    /// <param name="split">Its name.</param>
    /// <param name="classes">Classes that labels must follow: those of the training split or of a checkpoint.</param>
    /// <exception cref="DatasetException">It cannot be opened.</exception>
    public static Dataset Open(RunOptions options, string split, ClassList? classes) => DatasetFactory.Open(options.Dataset, options.DataDir, split, new DatasetOptions
    {
        ClassOrder = options.ClassOrder == "natural" ? ClassOrder.Natural : ClassOrder.Ordinal,
        ClassMapFile = options.ClassMap,
        LabelsFile = options.Labels,
        Classes = classes,
        Seed = options is TrainOptions train ? (ulong)train.Seed : 42,
    });
}
