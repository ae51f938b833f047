using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Loss;

[TestFixtureSource(typeof(KernelDevices))]
sealed class LabelRankTests(string device) : LossFixture(device)
{
    /// <summary>How the logits are drawn: all different, many equal, some of them NaN or infinite.</summary>
    public enum Draw { Normal, Ties, NotFinite }

    float[] Logits(int count, Draw draw)
    {
        float[] x = draw == Draw.Normal ? Normal(count) : Array.ConvertAll(Whole(count, 4), static v => (float)v);
        float[] rare = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f];
        for (int i = 0; draw == Draw.NotFinite && i < count; i++)
            x[i] = Random.Next(6) == 0 ? rare[Random.Next(rare.Length)] : x[i];
        return x;
    }

    [Test]
    public void EqualsCpu([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values] Draw draw)
    {
        (int samples, int classes) = shape;
        float[] x = Logits(samples * classes, draw);
        int[] y = Whole(samples, classes);
        Tensor rank = Output(DType.Int32, samples);
        Backend.LabelRank(Input(x, samples, classes), Input(y), rank);
        using Tensor cpuLabels = OnCpu(y);
        Assert.That(rank.ToArray<int>(), Is.EqualTo(Expected(x, samples, classes, cpuLabels)));
    }

    [Test]
    public void EqualsCpuWithApplyingClasses([ValueSource(nameof(Shapes))] (int Samples, int Classes) shape, [Values] Draw draw,
        [Values(0, 1, 4)] int outOfFive)
    {
        (int samples, int classes) = shape;
        float[] x = Logits(samples * classes, draw);
        byte[] applies = Array.ConvertAll(Whole(x.Length, 5), v => v < outOfFive ? (byte)(v + 1) : (byte)0);
        Tensor rank = Output(DType.Int32, samples);
        Backend.LabelRank(Input(x, samples, classes), Input(applies, samples, classes), rank);
        using Tensor cpuApplies = OnCpu(applies, samples, classes);
        Assert.That(rank.ToArray<int>(), Is.EqualTo(Expected(x, samples, classes, cpuApplies)));
    }

    static int[] Expected(float[] x, int samples, int classes, Tensor labels)
    {
        using Tensor logits = OnCpu(x, samples, classes), rank = Tensor.Persistent([samples], DType.Int32);
        logits.Backend.LabelRank(logits, labels, rank);
        return rank.ToArray<int>();
    }

    [TestCase(1), TestCase(31), TestCase(257), TestCase(1025)]
    public void RanksAreCounted(int samples)
    {
        int[] ranks = Array.ConvertAll(Whole(samples, 9), static v => v - 1);
        Tensor rank = Input(ranks), counts = Input<int>([10, 20, 30]);
        Backend.CountRanks(rank, 5, counts);
        Backend.CountRanks(rank, 5, counts);
        int[] expected = [10 + (2 * ranks.Count(static r => r == 0)), 20 + (2 * ranks.Count(static r => r is >= 0 and < 5)),
            30 + (2 * ranks.Count(static r => r >= 0))];
        Assert.That(counts.ToArray<int>(), Is.EqualTo(expected));
        using Tensor onCpu = OnCpu(new[] { 10, 20, 30 }), cpuRanks = OnCpu(ranks);
        Ops.CountRanks(cpuRanks, 5, onCpu);
        Ops.CountRanks(cpuRanks, 5, onCpu);
        Assert.That(onCpu.ToArray<int>(), Is.EqualTo(expected));
    }

    [Test]
    public void TheFirstWrongLabelIsFound([Values(1, 31, 32, 1000)] int samples, [Values(-1, 10, int.MaxValue, int.MinValue)] int wrong)
    {
        int[] y = Whole(samples, 10);
        int at = Random.Next(samples);
        Assert.That(Backend.FirstOutOfRange(Input(y), 10), Is.EqualTo(-1));
        y[at] = wrong;
        y[^1] = wrong;
        Assert.That(Backend.FirstOutOfRange(Input(y), 10), Is.EqualTo(at));
    }

    [Test]
    public void LogitsAreReadOnce()
    {
        const int Samples = 3, Classes = 1024;
        Backend.LabelRank(Input(Normal(Samples * Classes), Samples, Classes), Input(Whole(Samples, Classes)), Output(DType.Int32, Samples));
        // The label and its own logit besides.
        AssertTraffic("label_rank", loaded: (4 * Samples * Classes) + (8 * Samples), stored: 4 * Samples);
    }
}
