using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Metrics;

/// <summary>
/// Top-k accuracy, counted over batches: how many samples have their label among the k largest logits, where ties favour the lower
/// class (<see cref="Ops.LabelRank"/>). With several labels a sample, one of them suffices, and samples without any are left out.
/// With fewer than k classes every sample is right. The counts stay on the device of the batches; reading them waits for it.
/// </summary>
/// <example><code>
/// using var accuracy = new Accuracy(1, 5);
/// accuracy.Add(logits, labels);
/// Console.WriteLine(accuracy[1]);
/// </code></example>
public sealed class Accuracy : IDisposable
{
    readonly int[] ks, counted;
    Tensor? counts;

    /// <param name="ks">The values of k, each at least 1.</param>
    /// <exception cref="ArgumentException">There is none, or one is below 1.</exception>
    public Accuracy(params int[] ks)
    {
        if (ks.Length == 0 || ks.Any(k => k < 1))
            throw new ArgumentException($"Top-k accuracy needs values of k of at least 1, not ({string.Join(", ", ks)}).");
        this.ks = [.. ks];
        // The best one is counted along with any other.
        counted = ks.Any(static k => k > 1) ? [.. ks.Where(static k => k > 1).Distinct()] : [1];
    }

    /// <summary>Samples counted, without those that have no label.</summary>
    public long Samples => Counts(0)[2];

    /// <summary>Percentage of samples right among the best k; NaN before the first sample.</summary>
    /// <exception cref="ArgumentException">k is none of those given at first.</exception>
    public double this[int k] => Correct(k) is var correct && Samples is > 0 and var samples ? 100.0 * correct / samples : double.NaN;

    /// <summary>Number of samples right among the best k.</summary>
    /// <exception cref="ArgumentException">k is none of those given at first.</exception>
    public long Correct(int k) => !ks.Contains(k)
        ? throw new ArgumentException($"Top-{k} accuracy was not asked for; there is k = {string.Join(", ", ks)}.")
        : k == 1 ? Counts(0)[0] : Counts(Array.IndexOf(counted, k))[1];

    /// <summary>Adds a batch.</summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="labels">Int32 [samples], or for several labels a sample uint8 [samples, classes], not 0 where the class
    /// applies.</param>
    public void Add(Tensor logits, Tensor labels)
    {
        using var noGrad = Tensors.Autograd.GradMode.NoGrad();
        using var scope = Tensors.Memory.Scope.Begin();
        var ranks = Ops.LabelRank(logits, labels);
        counts ??= Tensor.Persistent([counted.Length, 3], DType.Int32, logits.Device).Fill(0);
        for (int i = 0; i < counted.Length; i++)
            Ops.CountRanks(ranks, counted[i], counts.Rows(i, 1));
    }

    /// <summary>The counts, to be summed over several processes: numbers of samples, exact in float64.</summary>
    internal double[] Values
    {
        get => counts is null ? new double[3 * counted.Length] : [.. counts.ToArray<int>().Select(static c => (double)c)];
        set => counts?.CopyFrom<int>([.. value.Select(static c => (int)c)]);
    }

    /// <summary>Frees the counts.</summary>
    public void Dispose()
    {
        counts?.Dispose();
        counts = null;
    }

    int[] Counts(int row) => counts?.Rows(row, 1).ToArray<int>() ?? new int[3];
}
