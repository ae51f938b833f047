using System.Collections;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Answers;

/// <summary>What an evaluation writes beside its numbers: the answer to every image, the accuracy of each class, the confusion
/// matrix.</summary>
sealed class EvaluationRecords
{
    readonly ValidateOptions options;
    readonly Dataset data;
    readonly ClassScores scores;
    readonly ClassNames names;
    readonly ConfusionMatrix? matrix;
    readonly BitArray seen;

    /// <param name="options">Which are asked for.</param>
    /// <param name="data">The images.</param>
    /// <param name="names">Names of the model's classes.</param>
    /// <param name="numClasses">How many classes the model has.</param>
    /// <param name="scores">What logits become.</param>
    public EvaluationRecords(ValidateOptions options, Dataset data, ClassNames names, int numClasses, ClassScores scores)
    {
        (this.options, this.data, this.names, this.scores) = (options, data, names, scores);
        seen = new BitArray(data.Count);
        if (options.PerClass is not null || options.Confusion is not null)
            matrix = new ConfusionMatrix(numClasses, names);
    }

    /// <summary>Whether any is asked for.</summary>
    public static bool AreAsked(ValidateOptions options) =>
        options.Predictions is not null || options.PerClass is not null || options.Confusion is not null;

    /// <summary>Refuses paths at which no file can be written, and files of what several processes would have answered.</summary>
    /// <exception cref="OptionException">There is one.</exception>
    public static void Require(ValidateOptions options, World world)
    {
        if (world.Size > 1 && AreAsked(options))
            throw new OptionException(new OptionProblem(ValidateOptions.PredictionsOption.Flag,
                "answers and tables of classes are written by one process alone; evaluate in one, or leave the option out."));
        OutputFile.Require(ValidateOptions.PredictionsOption, options.Predictions);
        OutputFile.Require(ValidateOptions.PerClassOption, options.PerClass);
        if (options.Confusion is { } confusion)
        {
            OutputFile.Require(ValidateOptions.ConfusionOption, confusion.EndsWith('/') ? confusion : Stem(confusion) + ".csv");
            OutputFile.Require(ValidateOptions.ConfusionOption, Stem(confusion) + ".png");
        }
    }

    /// <summary>Evaluates, and writes the files.</summary>
    /// <param name="evaluate">Runs the evaluation; calls what it is given with each batch and its logits.</param>
    /// <param name="observer">Hears of the files.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public T Write<T>(Func<Action<InputBatch, float[]>, T> evaluate, ITrainingObserver observer)
    {
        T result = options.Predictions is { } path ? WriteAnswers(path, evaluate, observer) : evaluate(Count);
        if (options.PerClass is { } perClass)
        {
            matrix!.WritePerClass(perClass);
            observer.Message(MessageLevel.Info, $"Accuracy of each class: {perClass}");
        }
        if (options.Confusion is { } confusion)
        {
            string stem = Stem(confusion);
            matrix!.WriteCsv(stem + ".csv");
            ConfusionPlot.Write(matrix, $"{options.Model}, {data.Name}", stem + ".png");
            observer.Message(MessageLevel.Info, $"Confusion matrix: {stem}.csv, {stem}.png");
        }
        return result;
    }

    static string Stem(string path) =>
        Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".png" ? Path.ChangeExtension(path, null) : path;

    T WriteAnswers<T>(string path, Func<Action<InputBatch, float[]>, T> evaluate, ITrainingObserver observer)
    {
        T result = default!;
        AtomicFile.Write(path, stream =>
        {
            using var text = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
            CsvAnswerWriter? writer = null;
            result = evaluate((batch, logits) =>
            {
                int width = logits.Length / batch.Count;
                if (writer is null)
                {
                    writer = new(text, names, scores.Name, Math.Min(options.TopK, width), hasLabels: true);
                    writer.Begin();
                }
                foreach (int i in New(batch))
                {
                    writer.Write(new(data.Describe(batch.Indices[i]), scores.Of(logits.AsSpan(i * width, width)), batch.HostLabels[i]));
                    matrix?.Add(batch.HostLabels[i], ClassScores.Best(logits.AsSpan(i * width, width)));
                }
            });
        });
        observer.Message(MessageLevel.Info, $"Answers: {path}");
        return result;
    }

    void Count(InputBatch batch, float[] logits)
    {
        int width = logits.Length / batch.Count;
        foreach (int i in New(batch))
            matrix!.Add(batch.HostLabels[i], ClassScores.Best(logits.AsSpan(i * width, width)));
    }

    /// <summary>Places in a batch of images that were not seen before: one that took the place of a bad one comes again.</summary>
    IEnumerable<int> New(InputBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            if (seen[batch.Indices[i]])
                continue;
            seen[batch.Indices[i]] = true;
            yield return i;
        }
    }
}
