using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>Every perturbation against the formula of its paper, restated in float64.</summary>
[TestFixture]
sealed class PerturbationFormulaTests
{
    static IEnumerable<TestCaseData> All() => PaperCases.All().Select(Case);

    static IEnumerable<TestCaseData> Few() => PaperCases.Few().Select(Case);

    static TestCaseData Case((TinySettings Settings, Paper Paper) c) =>
        new TestCaseData(c.Settings, c.Paper).SetArgDisplayNames(c.Settings.Name);

    /// <summary>Rounding of one part in 10¹⁶ grows to some in 10¹³ in seven updates: norms and sums are added up in another order, and the
    /// directions of small gradients enlarge it.</summary>
    [TestCaseSource(nameof(All))]
    public void TheWeightsAreThoseOfThePaper(TinySettings settings, Paper paper) => Compare(settings, paper, DType.Float64, 1e-12, 7);

    /// <summary>On the software GPU in float32, likewise from one part in 10⁷ to two in 10⁶.</summary>
    [TestCaseSource(nameof(Few))]
    public void TheyAreOnTheSoftwareGpu(TinySettings settings, Paper paper)
    {
        using (Initialization.Begin(0, TestDevices.Open("sim")))
            Compare(settings, paper, DType.Float32, 2e-6, 3);
        Assert.That(TestDevices.Fault, Is.Null);
    }

    static void Compare(TinySettings settings, Paper paper, DType type, double tolerance, int updates)
    {
        using var run = new TinyRun(settings, type);
        PaperStep expected;
        using (Initialization.Begin(0, Device.Cpu))
            expected = new PaperStep(settings, paper);
        using (expected)
        {
            double[] start = expected.Weights;
            var rates = new List<double>();
            while (run.Step.Updates < updates)
            {
                if (run.Step.Updates == rates.Count)
                    rates.Add(run.Step.LearningRate);
                run.Train(1);
            }
            using (Initialization.Begin(0, Device.Cpu))
                expected.Train(rates);
            double[] actual = [.. run.Arena.Segments.SelectMany(static s => TinyModels.Read(s.Parameter))];
            double off = PaperStep.Norm([.. actual.Zip(expected.Weights, static (a, e) => a - e)]);
            double way = PaperStep.Norm([.. start.Zip(expected.Weights, static (a, e) => a - e)]);
            // And half a unit in the last place of every weight, each time it is written.
            double written = updates * PaperStep.Norm(actual) * (type == DType.Float64 ? 1.2e-16 : 6e-8);
            TestContext.Out.WriteLine($"off by {off / way:E1} of the way, of which writing explains {written / way:E1}");
            Assert.That(off, Is.LessThanOrEqualTo((tolerance * way) + written));
        }
    }
}
