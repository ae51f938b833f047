using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Metrics;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Evaluation;

/// <summary>How much of a data set a model got right, counted in one way.</summary>
/// <param name="Name">Name of the score in results.</param>
/// <param name="Title">Its name for people.</param>
/// <param name="Images">How many images count.</param>
/// <param name="Top1">Share of them whose first answer is right, in percent; NaN where none counts.</param>
/// <param name="Top5">Share of them where one of the first five answers is right.</param>
public sealed record AccuracyScore(string Name, string Title, long Images, double Top1, double Top5);

/// <summary>Counts what a model gets right on a data set, in each of the ways in which that is done on this set.</summary>
sealed class Scoreboard : IDisposable
{
    readonly Dataset data;
    readonly Line[] lines;

    /// <param name="data">The data set.</param>
    /// <param name="classes">Of the model.</param>
    /// <param name="device">Where the logits are.</param>
    public Scoreboard(Dataset data, int classes, Device device)
    {
        this.data = data;
        IReadOnlyList<DatasetScore> scores = data.Scores.Count > 0 ? data.Scores : [new DatasetScore("", "")];
        lines = [.. scores.Select(s => new Line(s, new Accuracy(1, 5), s.Among is null ? null : Mask(s.Among, classes, device)))];
    }

    /// <summary>The usual accuracy, in percent.</summary>
    public double this[int k] => lines[0].Accuracy[k];

    /// <summary>All scores, of sets that have names for them.</summary>
    public IReadOnlyList<AccuracyScore> Scores => [.. lines.Where(static l => l.Score.Name.Length > 0).Select(static l =>
        new AccuracyScore(l.Score.Name, l.Score.Title, l.Accuracy.Samples, l.Accuracy[1], l.Accuracy[5]))];

    /// <summary>Adds a batch.</summary>
    /// <param name="logits">[images, classes].</param>
    /// <param name="batch">The images.</param>
    public void Add(Tensor logits, InputBatch batch)
    {
        foreach (Line line in lines)
        {
            line.Accuracy.Add(line.Mask is null ? logits : logits + line.Mask,
                line.Score.AnyLabel ? LabelSets(logits, batch) : batch.Labels);
        }
    }

    /// <summary>Makes the counts those of all processes, which each have measured their part.</summary>
    public void Sum(World world)
    {
        foreach (Line line in lines)
        {
            double[] counts = line.Accuracy.Values;
            world.Sum(counts);
            line.Accuracy.Values = counts;
        }
    }

    /// <summary>Frees the counts.</summary>
    public void Dispose()
    {
        foreach (Line line in lines)
        {
            line.Accuracy.Dispose();
            line.Mask?.Dispose();
        }
    }

    /// <summary>What is added to logits so that only some classes can be answers.</summary>
    static Tensor Mask(IReadOnlyList<int> among, int classes, Device device)
    {
        var mask = new float[classes];
        Array.Fill(mask, float.NegativeInfinity);
        foreach (int c in among)
            mask[c] = 0;
        Tensor onDevice = Tensor.Persistent([classes], DType.Float32, device);
        onDevice.CopyFrom<float>(mask);
        return onDevice;
    }

    /// <summary>Not 0 where a class is one of an image's labels: uint8 [images, classes].</summary>
    Tensor LabelSets(Tensor logits, InputBatch batch)
    {
        int classes = logits.Shape[1];
        var sets = new byte[batch.Count * classes];
        for (int i = 0; i < batch.Count; i++)
        {
            foreach (int label in data.LabelSet(batch.Indices[i]))
                sets[i * classes + label] = 1;
        }
        return Tensor.From(sets, logits.Shape, logits.Device);
    }

    sealed record Line(DatasetScore Score, Accuracy Accuracy, Tensor? Mask);
}
