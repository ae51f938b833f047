using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>The checkpoint that options name, open and verified, and the options as it completes them. Where they name none, the model is
/// one of random weights.</summary>
/// <typeparam name="TOptions">Options of the command.</typeparam>
sealed class ModelCheckpoint<TOptions> : IDisposable where TOptions : CheckpointOptions, new()
{
    ModelCheckpoint(TOptions options, WeightsFile? file, ModelInfo? info)
    {
        (Options, File) = (options, file);
        Classes = info is null ? null : new ClassList(info.Classes);
    }

    /// <summary>The options; what a checkpoint of this program says of its model is in them.</summary>
    public TOptions Options { get; }

    /// <summary>The file with the weights; null without one.</summary>
    public WeightsFile? File { get; }

    /// <summary>Path of the file with the weights; null without one.</summary>
    public string? Path => File?.Path;

    /// <summary>Names of the classes; null where the file does not tell.</summary>
    public ClassList? Classes { get; }

    /// <summary>The options of the training; null where the file does not tell, or the options name another model.</summary>
    public TrainOptions? Training { get; private init; }

    /// <summary>How training prepared the images of its evaluations; null likewise.</summary>
    public ImagePreparation? Preparation { get; private init; }

    /// <summary>What training measured with these weights; null where the file does not tell.</summary>
    public TrainedEvaluation? Evaluation { get; private init; }

    /// <summary>How many classes the model has, by the options, by the checkpoint's list or by the size of its head; null where nothing
    /// tells.</summary>
    public int? NumClasses => Options.NumClasses ?? Classes?.Count ?? (File is null ? null : Pretrained.ClassesOf(File));

    /// <summary>Opens it.</summary>
    /// <param name="options">They name the checkpoint.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults. Of the others,
    /// those of the model and of its images come from the checkpoint.</param>
    /// <exception cref="CheckpointException">There is no such file, or it cannot be used.</exception>
    /// <exception cref="WeightsException">The file is damaged, or of a kind that is not read.</exception>
    /// <exception cref="OptionException">What the checkpoint says of its training cannot be understood.</exception>
    public static ModelCheckpoint<TOptions> Open(TOptions options, IReadOnlySet<OptionSpec>? given)
    {
        if (options.Checkpoint.Length == 0)
            return new(options, null, null);
        var (file, info) = CheckpointFiles.OpenModel(options.Checkpoint, options.CheckpointKey);
        try
        {
            if (info is null)
                return new(options, file, null);
            var (completed, training, preparation) = TrainedOptions.Complete(options, info, given, options.Checkpoint);
            return new(completed, file, info) { Training = training, Preparation = preparation, Evaluation = info.Evaluation };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => File?.Dispose();
}
