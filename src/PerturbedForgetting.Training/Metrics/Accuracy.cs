using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Metrics;

/// <summary>
/// Top-k accuracy, counted over batches: how many samples have their label among the k largest logits, where ties favour the lower
/// class (<see cref="Ops.LabelRank"/>). With several labels a sample, one of them suffices, and samples without any are left out.
/// With fewer than k classes every sample is right.
/// </summary>
/// <example><code>
/// var accuracy = new Accuracy(1, 5);
/// accuracy.Add(logits, labels);
/// Console.WriteLine(accuracy[1]);
/// </code></example>
public sealed class Accuracy
{
    readonly int[] ks;
    readonly long[] correct;

    /// <param name="ks">The values of k, each at least 1.</param>
    /// <exception cref="ArgumentException">There is none, or one is below 1.</exception>
    public Accuracy(params int[] ks)
    {
        if (ks.Length == 0 || ks.Any(k => k < 1))
            throw new ArgumentException($"Top-k accuracy needs values of k of at least 1, not ({string.Join(", ", ks)}).");
        this.ks = [.. ks];
        correct = new long[ks.Length];
    }

    /// <summary>Samples counted, without those that have no label.</summary>
    public long Samples { get; private set; }

    /// <summary>Percentage of samples right among the best k; NaN before the first sample.</summary>
    /// <exception cref="ArgumentException">k is none of those given at first.</exception>
    public double this[int k] => Samples == 0 ? double.NaN : 100.0 * Correct(k) / Samples;

    /// <summary>Number of samples right among the best k.</summary>
    /// <exception cref="ArgumentException">k is none of those given at first.</exception>
    public long Correct(int k)
    {
        int i = Array.IndexOf(ks, k);
        return i >= 0 ? correct[i] : throw new ArgumentException($"Top-{k} accuracy was not asked for; there is k = {string.Join(", ", ks)}.");
    }

    /// <summary>Adds a batch.</summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="labels">Int32 [samples], or for several labels a sample uint8 [samples, classes], not 0 where the class applies.</param>
    public void Add(Tensor logits, Tensor labels)
    {
        using var noGrad = Tensors.Autograd.GradMode.NoGrad();
        using var scope = Tensors.Memory.Scope.Begin();
        foreach (int rank in Ops.LabelRank(logits, labels).ToArray<int>())
        {
            if (rank < 0)
                continue;
            Samples++;
            for (int i = 0; i < ks.Length; i++)
                if (rank < ks[i])
                    correct[i]++;
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Reset()
    {
        Samples = 0;
        Array.Clear(correct);
    }
}
