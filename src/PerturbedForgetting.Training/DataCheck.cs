using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Reads the data sets that training options name, once and completely: the work of the command <c>data check</c>.</summary>
public static class DataCheck
{
    /// <summary>Checks the training split, and then the validation split against its classes.</summary>
    /// <param name="options">Data set, folder, splits (an empty name leaves that split out), class order, labels, number of
    /// classes.</param>
    /// <param name="observer">Receives how far it is.</param>
    /// <param name="token">Ends the check.</param>
    /// <returns>One report a split.</returns>
    /// <exception cref="DatasetException">A split cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static IReadOnlyList<DatasetReport> Run(TrainOptions options, ITrainingObserver observer, CancellationToken token)
    {
        List<DatasetReport> reports = [];
        ClassList? classes = null;
        foreach (string split in new[] { options.TrainSplit, options.ValSplit }.Where(s => s.Length > 0))
        {
            Dataset dataset = Data.Open(options, split, classes: null);
            reports.Add(Check(dataset, classes, options, observer, token));
            classes ??= dataset.Classes;
        }
        return reports;
    }

    static DatasetReport Check(Dataset dataset, ClassList? trainingClasses, TrainOptions options, ITrainingObserver observer,
        CancellationToken token)
    {
        DatasetCheckOptions choices = new()
        {
            NumClasses = options.NumClasses,
            TrainingClasses = trainingClasses,
            Decoder = ImageSetup.Decoder(options),
        };
        observer.Message(MessageLevel.Info, $"reading {dataset.Count} images of {dataset.Name}");
        return DatasetCheck.Run(dataset, choices, stop: token);
    }
}
