using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Reads the data sets that training options name, once and completely: the work of the command <c>data check</c>.</summary>
public static class DataCheck
{
    /// <summary>Kind of the finding that there is no validation split and none was named.</summary>
    public const string NoValidationSplit = "no-validation-split";

    /// <summary>Checks the training split, and then the validation split against its classes. Both are opened before the first image is
    /// read, so that a wrong name costs no time.</summary>
    /// <param name="options">Data set, folder, splits (an empty name leaves that split out), class order, labels, number of
    /// classes.</param>
    /// <param name="observer">Receives how far it is.</param>
    /// <param name="token">Ends the check.</param>
    /// <param name="world">The processes that each read a part; none is this one alone. All have the whole report.</param>
    /// <returns>One report a split. That of the training split tells when the default of the other leads nowhere.</returns>
    /// <exception cref="DatasetException">A split cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static IReadOnlyList<DatasetReport> Run(TrainOptions options, ITrainingObserver observer, CancellationToken token,
        World? world = null)
    {
        world ??= World.Alone;
        Dataset? training = options.TrainSplit.Length > 0 ? Data.Open(options, options.TrainSplit, classes: null, observer, token) : null;
        Dataset? validation = null;
        if (training is not null && options.ValShare is not null)
            (training, validation) = Data.WithValidation(training, options, observer, token);
        using var _ = training;
        string? missing = null;
        try
        {
            if (options.ValSplit.Length > 0 && validation is null)
                validation = Data.Open(options, options.ValSplit, classes: null, observer, token);
        }
        // The default stands for whatever there is.
        catch (DatasetException e) when (training is not null && e.WrongOption && options.ValSplit == new TrainOptions().ValSplit)
        {
            missing = ParameterNames.Translate(e.Message);
        }
        List<DatasetReport> reports = [];
        if (training is not null)
            reports.Add(Check(training, null, options, world, observer, token));
        if (missing is not null)
            reports[0] = reports[0] with { Findings = [.. reports[0].Findings, new(NoValidationSplit, IsError: false, 1, [missing])] };
        using (validation)
        {
            if (validation is not null)
                reports.Add(Check(validation, training?.Classes, options, world, observer, token));
        }
        return reports;
    }

    static DatasetReport Check(Dataset dataset, ClassList? trainingClasses, TrainOptions options, World world,
        ITrainingObserver observer, CancellationToken token)
    {
        DatasetCheckOptions choices = new()
        {
            NumClasses = options.NumClasses,
            TrainingClasses = trainingClasses,
            Rank = world.Rank,
            Ranks = world.Size,
            Exchange = world.Size == 1 ? null : found => world.Gather(found),
            Decoder = ImageSetup.Decoder(options),
        };
        observer.Message(MessageLevel.Info, $"reading {Quantity.Of(dataset.Count, "image")} of {dataset.Name}");
        return DatasetCheck.Run(dataset, choices, stop: token);
    }
}
