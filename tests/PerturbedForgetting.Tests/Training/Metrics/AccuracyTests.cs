using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Metrics;

namespace PerturbedForgetting.Tests.Training.Metrics;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class AccuracyTests(string device) : DeviceFixture(device)
{
    static IEnumerable<ReferenceCase> Cases(string op) => ReferenceData.Cases("metrics", op);

    [TestCase("accuracy", 7)]
    [TestCase("accuracy_multilabel", 4)]
    [TestCase("running_weighted_average", 1)]
    public void EveryReferenceCaseRuns(string op, int count) => Assert.That(Cases(op).Count(), Is.EqualTo(count));

    [TestCaseSource(nameof(Cases), ["accuracy"])]
    public void EqualsTheReference(ReferenceCase c)
    {
        using var scope = Scope.Begin();
        using Accuracy accuracy = new(1, 5);
        long[] target = ReferenceData.Int64("metrics.safetensors", Prefix(c) + "target").Data;
        accuracy.Add(Logits(c), From(Array.ConvertAll(target, x => (int)x), [target.Length]));
        Assert.That(accuracy.Samples, Is.EqualTo(target.Length));
        foreach (int k in new[] { 1, 5 })
        {
            // Where ties decide, any rule is right; elsewhere the range is one number.
            double[] range = c.Json.GetProperty($"top{k}_range_over_tie_rules").EnumerateArray().Select(x => x.GetDouble()).ToArray();
            Assert.That(accuracy[k], Is.InRange(range[0] - 1e-12, range[1] + 1e-12), $"top-{k}");
        }
    }

    [TestCaseSource(nameof(Cases), ["accuracy_multilabel"])]
    public void SeveralLabelsEqualTheReference(ReferenceCase c)
    {
        using var scope = Scope.Begin();
        using Accuracy accuracy = new(1, 5);
        ReferenceTensor<long> target = ReferenceData.Int64("metrics.safetensors", Prefix(c) + "target");
        accuracy.Add(Logits(c), From(Array.ConvertAll(target.Data, x => (byte)x), new Shape(target.Shape)));
        Assert.That(accuracy.Samples, Is.EqualTo(c.Json.GetProperty("valid_samples").GetInt64()));
        foreach (int k in new[] { 1, 5 })
        {
            JsonElement expected = c.Json.GetProperty($"top{k}");
            if (expected.ValueKind == JsonValueKind.Null)
                Assert.That(accuracy[k], Is.NaN);
            else
                Assert.That((float)accuracy[k], Is.EqualTo(expected.GetSingle()).Within(1e-5f));
            float[] each = ReferenceData.Float32("metrics.safetensors", $"{Prefix(c)}per_sample_top{k}").Data;
            Assert.That(accuracy.Correct(k), Is.EqualTo(each.Count(x => x > 0)));
        }
    }

    [TestCaseSource(nameof(Cases), ["running_weighted_average"])]
    public void TheAverageEqualsTheReference(ReferenceCase c)
    {
        using var scope = Scope.Begin();
        Tensor last = Zeros([1], DType.Float64), sum = Zeros([1], DType.Float64);
        double weights = 0;
        double[] expected = c.Json.GetProperty("averages").EnumerateArray().Select(x => x.GetDouble()).ToArray();
        int i = 0;
        foreach (JsonElement update in c.Json.GetProperty("updates").EnumerateArray())
        {
            double value = update[0].GetDouble(), weight = update[1].GetDouble();
            // On a GPU losses are float32.
            bool isExact = TestDevices.FloatTypes[^1] == DType.Float64;
            MultiTensorOps.Record(isExact ? From([value], [1]) : From([(float)value], [1]), weight, last, sum);
            weights += weight;
            Assert.That(sum.Item() / weights, Is.EqualTo(expected[i++]).Within(isExact ? 1e-14 : 6e-8 * Math.Abs(value)));
        }
        Assert.That(i, Is.EqualTo(5));
    }

    [Test]
    public void TiesFavourTheLowerClass()
    {
        using var scope = Scope.Begin();
        Tensor logits = From([1f, 1, 1, 1, 1, 1, 1], [1, 7]);
        for (int label = 0; label < 7; label++)
            Assert.That(Ops.LabelRank(logits, From([label], [1])).ToArray<int>()[0], Is.EqualTo(label));
    }

    [Test]
    public void NotANumberIsNeverRight([Values(1, 3)] int classes)
    {
        using var scope = Scope.Begin();
        float[] logits = new float[classes];
        logits[0] = float.NaN;
        using Accuracy accuracy = new(1);
        accuracy.Add(From(logits, [1, classes]), From([0], [1]));
        if (classes > 1)
            accuracy.Add(From(logits, [1, classes]), From([1], [1]));
        Assert.That(accuracy.Correct(1), Is.Zero);
    }

    [Test]
    public void BatchesAddUp()
    {
        using var scope = Scope.Begin();
        using Accuracy accuracy = new(1, 2);
        accuracy.Add(From([3f, 1, 2, 0, 5, 4], [2, 3]), From([2, 1], [2]));
        accuracy.Add(From([0f, 1, 2], [1, 3]), From([0], [1]));
        Assert.That((accuracy.Correct(1), accuracy.Correct(2), accuracy.Samples), Is.EqualTo((1L, 2L, 3L)));
        Assert.That(() => accuracy[3], Throws.InstanceOf<ArgumentException>().With.Message.Contains("Top-3"));
    }

    [Test]
    public void WrongArgumentsAreNamed()
    {
        using var scope = Scope.Begin();
        Assert.That(() => new Accuracy(), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => new Accuracy(0), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => new Accuracy(1).Add(Zeros([2, 3]), From([0, 3], [2])),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("label 3 of sample 1"));
        Assert.That(() => new Accuracy(1).Add(Zeros([2, 3]), Zeros([2, 2], DType.UInt8)), Throws.InstanceOf<ArgumentException>());
    }

    static string Prefix(ReferenceCase c) => c.Json.GetProperty("tensors_prefix").GetString()!;

    Tensor Logits(ReferenceCase c)
    {
        ReferenceTensor<float> logits = ReferenceData.Float32("metrics.safetensors", Prefix(c) + "logits");
        return From(logits.Data, new Shape(logits.Shape));
    }
}
