using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training;

/// <summary>Says what a model takes images for: the work of the command <c>predict</c>.</summary>
public static class Predictor
{
    /// <summary>Shows the images to the model, in their order, and writes an answer for each.</summary>
    /// <param name="options">Images, model, and form of the answers.</param>
    /// <param name="output">Receives the answers, where the options name no file.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="token">Ends it.</param>
    /// <param name="given">The options that a person gave; without this set, those that differ from the defaults.</param>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="DatasetException">There is no image at a path, or none can be read.</exception>
    /// <exception cref="Vision.Imaging.ImageDecodeException">An image cannot be read, and bad images are not to be passed over.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static void Run(PredictOptions options, TextWriter output, ITrainingObserver observer, CancellationToken token,
        IReadOnlySet<OptionSpec>? given = null)
    {
        options.RequireValid();
        OutputFile.Require(ImageInputOptions.OutOption, options.Out);
        Cpu.Threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        using var images = ImageListDataset.Open(InputPaths.Of(options));
        using var checkpoint = ModelCheckpoint<PredictOptions>.Open(options, given);
        if (images.Count == 0)
            throw new DatasetException("no image was named: give images or folders behind the command", wrongOption: true);
        foreach (string note in images.Notes)
            observer.Message(MessageLevel.Warning, note);
        int classes = checkpoint.NumClasses ?? throw new OptionException(new OptionProblem(RunOptions.NumClassesOption.Flag,
            $"nothing tells how many classes the model has: give it, or a {CheckpointOptions.CheckpointOption} that says so."));
        using var model = LoadedModel.Create(checkpoint, classes, images.Count, observer);
        if (options.Out is not { } path)
        {
            Answer(checkpoint, images, model, output, observer, token);
            return;
        }
        AtomicFile.Write(path, stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
            Answer(checkpoint, images, model, text, observer, token);
        });
        observer.Message(MessageLevel.Info, $"Answers: {path}");
    }

    static void Answer(ModelCheckpoint<PredictOptions> checkpoint, Dataset images, LoadedModel model, TextWriter output,
        ITrainingObserver observer, CancellationToken token)
    {
        var options = checkpoint.Options;
        var names = checkpoint.Classes ?? (options.ClassMap is { } map ? ClassMap.Read(map) : null);
        var scores = ClassScoresOf(checkpoint, observer);
        int topK = Math.Min(options.TopK, model.Model.NumClasses);
        var writer = AnswerWriter.Create(options.Format, output, new ClassNames(names), scores.Name, topK);
        using var input = ImageInput.Create(images, options, model);
        writer.Begin();
        new Inference(model, input, options.LogFreq).Run(observer, token, (batch, logits) =>
        {
            float[] values = logits.ToArray<float>();
            int width = values.Length / batch.Count;
            for (int i = 0; i < batch.Count; i++)
            {
                if (input.IsGood(batch.Indices[i]))
                    writer.Write(new(images.Describe(batch.Indices[i]), scores.Of(values.AsSpan(i * width, width))));
            }
            output.Flush();
        });
        writer.End();
        output.Flush();
    }

    /// <summary>What logits become: what the options say, or what the model was trained for.</summary>
    internal static ClassScores ClassScoresOf<TOptions>(ModelCheckpoint<TOptions> checkpoint, ITrainingObserver observer)
        where TOptions : CheckpointOptions, new()
    {
        bool isBinary = checkpoint.Training?.BceLoss == true;
        string scores = checkpoint.Options.Scores ?? (isBinary ? AnswerScores.Sigmoid : AnswerScores.Softmax);
        if (scores == AnswerScores.Sigmoid)
        {
            observer.Message(MessageLevel.Info, (isBinary ? "The model was trained with binary cross entropy: " : "")
                + "scores are sigmoids, one for each class by itself; they do not add up to 1.");
        }
        return new ClassScores(checkpoint.Options.TopK, scores);
    }
}
