using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training;

/// <summary>Writes what a model's last layer sees of images: the work of the command <c>features</c>.</summary>
public static class FeatureExtractor
{
    /// <summary>Shows the images to the model, in their order, and writes the features of each.</summary>
    /// <param name="options">Images or data set, model, and the file.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults.</param>
    /// <returns>How many images, and features of each.</returns>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="Vision.Imaging.ImageDecodeException">An image cannot be read, and bad images are not to be passed over.</exception>
    /// <exception cref="IOException">The file cannot be written; an older one is unchanged.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static (int Images, int Features) Run(FeaturesOptions options, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid();
        string path = options.Out ?? throw Wrong("is needed: name a file that ends in .safetensors or .npy.");
        if (FeatureFile.FormatOf(path) is null)
            throw Wrong($"takes a file that ends in .safetensors or .npy, got '{path}'.");
        OutputFile.Require(ImageInputOptions.OutOption, path);
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        using var checkpoint = ModelCheckpoint<FeaturesOptions>.Open(options, given);
        options = checkpoint.Options;
        using Dataset data = options.NamesImages
            ? ImageListDataset.Open(InputPaths.Of(options))
            : Data.Open(options, options.Split, checkpoint.Classes, observer, token);
        if (data.Count == 0)
            throw new DatasetException("no image was named: give images or folders behind the command, or a data set", wrongOption: true);
        foreach (string note in data.Notes)
            observer.Message(MessageLevel.Warning, note);
        int classes = checkpoint.NumClasses ?? data.Classes.Count;
        using var model = LoadedModel.Create(checkpoint, classes, data.Count, observer);
        using var input = ImageInput.Create(data, options, model);
        using var file = new FeatureFile(path, options.NamesImages ? null : new ClassNames(data.Classes));
        float[] values = [];
        model.Model.Observer = (stage, output) =>
        {
            if (stage != model.Model.FeaturesName)
                return;
            if (output.Shape.Rank != 2)
            {
                throw new OptionException(new OptionProblem(RunOptions.GpOption.Flag,
                    $"the model pools nothing, its features are {output.Shape}; use avg or token."));
            }
            values = output.ToArray<float>();
        };
        new Inference(model, input, options.LogFreq).Run(observer, token, (batch, _) =>
        {
            int width = values.Length / batch.Count;
            for (int i = 0; i < batch.Count; i++)
            {
                int index = batch.Indices[i];
                if (input.IsGood(index))
                    file.Add(values.AsSpan(i * width, width), data.Describe(index), data.Label(index));
            }
        });
        file.Save();
        observer.Message(MessageLevel.Info, FormattableString.Invariant($"Features: {path}, {Quantity.Of(file.Images, "image")} of ")
            + FormattableString.Invariant($"{file.Width}; names{(options.NamesImages ? "" : " and labels")}: {file.NamesPath}"));
        return (file.Images, file.Width);
    }

    static OptionException Wrong(string what) => new(new OptionProblem(ImageInputOptions.OutOption.Flag, what));
}
