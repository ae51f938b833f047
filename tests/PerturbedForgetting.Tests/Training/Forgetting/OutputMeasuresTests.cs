using System.Text.Json;
using PerturbedForgetting.Tests.Training.Statistics;
using PerturbedForgetting.Training.Forgetting;

namespace PerturbedForgetting.Tests.Training.Forgetting;

[TestFixture]
[Parallelizable]
sealed class OutputMeasuresTests
{
    static IEnumerable<TestCaseData> Cases => ScipyReference.Cases("measures");

    // Sums of up to 330 terms in another order; entropies of outputs that are all but certain are differences of numbers near 1.
    const double Rounding = 1e-12;

    [TestCaseSource(nameof(Cases))]
    public void MeasuresAreThoseOfNumpy(JsonElement expected)
    {
        int[] labels = [.. expected.Numbers("labels").Select(static l => (int)l)];
        ModelOutputs before = new(Logits("before"), labels, 0.25), after = new(Logits("after"), labels, 0.5);
        Assert.That(before.Classes, Is.EqualTo((int)expected.Number("classes")));
        foreach (string kind in new[] { "softmax", "sigmoid" })
        {
            var distribution = new OutputDistribution(kind == "sigmoid");
            JsonElement numbers = expected.GetProperty(kind);
            Check(OutputMeasures.Of(before, distribution), numbers.GetProperty("before"), 0.25);
            Check(OutputMeasures.Of(after, distribution), numbers.GetProperty("after"), 0.5);
            var change = OutputChange.Of(before, after, distribution);
            for (int m = 0; m < Measure.OfChanges.Count; m++)
                Near(change.Values[m], numbers.GetProperty("change").Number(Measure.OfChanges[m].Name), Measure.OfChanges[m].Name);
        }

        float[] Logits(string name) => [.. expected.Numbers(name).Select(static l => (float)l)];
    }

    static void Check(OutputMeasures actual, JsonElement expected, double loss)
    {
        Assert.That(actual.Values[Measure.Output("loss")], Is.EqualTo(loss));
        for (int m = 1; m < Measure.OfOutputs.Count; m++)
            Near(actual.Values[m], expected.Number(Measure.OfOutputs[m].Name), Measure.OfOutputs[m].Name);
        Assert.That(actual.Classes.Mean, Is.EqualTo(expected.Numbers("mean")).Within(Rounding));
        Assert.That(actual.Classes.Predicted.Sum(), Is.EqualTo(1).Within(Rounding));
    }

    static void Near(double actual, double expected, string name) =>
        Assert.That(actual, Is.EqualTo(expected).Within(Rounding * Math.Max(1, Math.Abs(expected))), name);

    /// <summary>The example of docs/forgetting.md.</summary>
    [Test]
    public void TheWorkedExampleIsRight()
    {
        float[] before = [0, (float)Math.Log(3), (float)Math.Log(3), 0], after = [0, 0, (float)Math.Log(3), 0];
        int[] labels = [1, 0];
        var distribution = new OutputDistribution(isSigmoid: false);
        OutputMeasures first = OutputMeasures.Of(new(before, labels, 0), distribution);
        OutputMeasures second = OutputMeasures.Of(new(after, labels, 0), distribution);
        Assert.That(first.Classes.Mean, Is.EqualTo(new[] { 0.5, 0.5 }).Within(1e-7));
        Assert.That(second.Classes.Mean, Is.EqualTo(new[] { 0.625, 0.375 }).Within(1e-7));
        Assert.That(first.Values[Measure.Output("kl_uniform")], Is.Zero.Within(1e-7));
        Assert.That(second.Values[Measure.Output("kl_uniform")], Is.EqualTo(0.0316).Within(5e-5));
        Assert.That(second.Values[Measure.Output("tv_uniform")], Is.EqualTo(0.125).Within(1e-7));
        Assert.That(second.Values[Measure.Output("kl_labels")], Is.EqualTo(0.0323).Within(5e-5));
        Assert.That((first.Values[Measure.Output("confidence")], second.Values[Measure.Output("confidence")]),
            Is.EqualTo((0.75, 0.625)).Using<(double, double)>(static (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-7
                && Math.Abs(a.Item2 - b.Item2) < 1e-7));
        var change = OutputChange.Of(new(before, labels, 0), new(after, labels, 0), distribution);
        Assert.That(change.Values[..3], Is.EqualTo(new double[] { 50, 50, 0 }));
        Assert.That(change.Values[Measure.Change("divergence")], Is.EqualTo(0.0654).Within(5e-5));
        Assert.That(change.Values[Measure.Change("tv_shift")], Is.EqualTo(0.125).Within(1e-7));
    }

    [Test]
    public void LogitsThatAreNotFiniteGiveNumbersThatAreNot([Values(float.NaN, float.PositiveInfinity)] float bad)
    {
        ModelOutputs good = new([1, 0, 0, 1], [0, 1], 0), broken = new([1, 0, bad, 1], [0, 1], double.NaN);
        foreach (bool isSigmoid in new[] { false, true })
        {
            var distribution = new OutputDistribution(isSigmoid);
            double[] values = OutputMeasures.Of(broken, distribution).Values;
            Assert.That(values[Measure.Output("loss")], Is.NaN);
            // A sigmoid of infinity is 1.
            if (!isSigmoid || float.IsNaN(bad))
            {
                Assert.That(values[Measure.Output("kl_uniform")], Is.NaN);
                Assert.That(OutputChange.Of(good, broken, distribution).Values[Measure.Change("divergence")], Is.NaN);
            }
        }
    }

    [Test]
    public void AClassWithoutImagesHasNoAccuracy()
    {
        var classes = OutputMeasures.Of(new([3, 0, 0, 3, 0, 0], [0, 1], 0), new OutputDistribution(false)).Classes;
        Assert.That(classes.Accuracy, Is.EqualTo(new[] { 100, 0, double.NaN }));
        Assert.That(classes.Predicted, Is.EqualTo(new[] { 1.0, 0, 0 }));
    }
}
