using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What training steps allocate on the managed heap once they are under way, on all threads together.</summary>
[TestFixture, NonParallelizable]
sealed class AllocationTests
{
    /// <summary>Of a step.</summary>
    public const long Limit = 64 * 1024;

    const int WarmUp = 3, Measured = 3;

    /// <summary>Networks of the benchmarks, with the smallest images that they take: what a step allocates does not depend on
    /// them.</summary>
    [TestCase("resnet50", 32)]
    [TestCase("resnet18_cifar", 16)]
    [TestCase("resnet20", 16)]
    [TestCase("vit_small_patch32_224", 64)]
    [TestCase("vit_tiny_patch4_32", 16)]
    public void AStepOfSam(string model, int pixels) => Check(model, pixels, new(ModelSteps.Loss) { Perturbation = new() });

    [Test]
    public void AStep([Values("resnet20", "vit_tiny_patch4_32")] string model, [Values] bool perturbs, [Values(1, 2)] int accumulation) =>
        Check(model, 16, new(ModelSteps.Loss)
        {
            Perturbation = perturbs
            ? new()
            : null,
            AccumulationSteps = accumulation,
            ClipNorm = 1,
            ShrinkFactor = 0.01
        });

    [TestCaseSource(nameof(Perturbations))]
    public void AStepWithAnother(PerturbationOptions perturbation)
    {
        Check("resnet20", 16, new(ModelSteps.Loss) { Perturbation = perturbation });
        Check("vit_tiny_patch4_32", 16, new(ModelSteps.Loss) { Perturbation = perturbation });
    }

    static IEnumerable<TestCaseData> Perturbations()
    {
        yield return Case("output-bias forgetting", new() { Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1) });
        yield return Case("GSAM", new() { Alpha = 0.4 });
        yield return Case("ASAM", new() { IsAdaptive = true, ScalesBeforeNorm = true });
        yield return Case("random", new() { IsRandom = true });
        yield return Case("eight groups", new() { ChunkSize = 1 });

        static TestCaseData Case(string name, PerturbationOptions perturbation) => new TestCaseData(perturbation).SetArgDisplayNames(name);
    }

    static void Check(string model, int pixels, StepOptions options)
    {
        using var steps = new ModelSteps(model, pixels, 8, options);
        steps.Train(WarmUp * options.AccumulationSteps);
        long least = long.MaxValue;
        // The least of some: threads of the test host allocate too.
        for (int i = 0; i < Measured; i++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            steps.Train(options.AccumulationSteps);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / options.AccumulationSteps);
        }
        TestContext.Out.WriteLine($"{model}: {least} bytes a step");
        Assert.That(least, Is.LessThan(Limit));
    }
}
