using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Sharpness;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What training steps allocate on the managed heap once they are under way, on all threads together.</summary>
[TestFixture, NonParallelizable]
sealed class AllocationTests
{
    /// <summary>Of a step.</summary>
    public const long Limit = 64 * 1024;

    const int WarmUp = 3, Measured = 5;

    /// <summary>Networks of the benchmarks, with the smallest images that they take: what a step allocates does not depend on them.</summary>
    [TestCase("resnet50", 32)]
    [TestCase("resnet18_cifar", 16)]
    [TestCase("resnet20", 16)]
    [TestCase("vit_small_patch32_224", 64)]
    [TestCase("vit_tiny_patch4_32", 16)]
    public void AStepOfSam(string model, int pixels) => Check(model, pixels, new(Loss) { Perturbation = new() });

    [Test]
    public void AStep([Values("resnet20", "vit_tiny_patch4_32")] string model, [Values] bool perturbs, [Values(1, 2)] int accumulation) =>
        Check(model, 16, new(Loss) { Perturbation = perturbs ? new() : null, AccumulationSteps = accumulation, ClipNorm = 1, ShrinkFactor = 0.01 });

    [TestCaseSource(nameof(Perturbations))]
    public void AStepWithAnother(PerturbationOptions perturbation)
    {
        Check("resnet20", 16, new(Loss) { Perturbation = perturbation });
        Check("vit_tiny_patch4_32", 16, new(Loss) { Perturbation = perturbation });
    }

    static IEnumerable<TestCaseData> Perturbations()
    {
        yield return Case("output-bias forgetting", new() { Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1) });
        yield return Case("GSAM", new() { Alpha = 0.4 });
        yield return Case("ASAM", new() { IsAdaptive = true, ScalesBeforeNorm = true });
        yield return Case("random", new() { IsRandom = true });
        yield return Case("two groups", new() { ChunkSize = 2 });

        static TestCaseData Case(string name, PerturbationOptions perturbation) => new TestCaseData(perturbation).SetArgDisplayNames(name);
    }

    static Tensor Loss(Tensor logits, Tensor labels) => Ops.CrossEntropy(logits, labels, 0.1);

    static void Check(string name, int pixels, StepOptions options)
    {
        const int batch = 4;
        using var initialization = Initialization.Begin(1);
        var model = ModelRegistry.Create(name, new() { ImageSize = pixels, NumClasses = 10, Drop = 0.1 });
        using var arena = new ParameterArena(model);
        using var optimizer = new SgdW(arena, weightDecay: 1e-4);
        using var step = new TrainingStep(model, arena, optimizer, options, new LinearSchedule(0.01, 0, 0, 0, 1, 1000), RhoPolicy.Constant(0.05));
        using var images = initialization.Normal([batch, pixels, pixels, 3], 1);
        using var labels = Tensor.Persistent([batch], DType.Int32).CopyFrom<int>([1, 9, 3, 1]);
        long least = long.MaxValue;
        // The least of some: threads of the test host allocate too.
        for (int i = 0; i < WarmUp + Measured; i++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int j = 0; j < options.AccumulationSteps; j++)
                step.Batch(images, labels, (i * options.AccumulationSteps) + j, 1000);
            long bytes = GC.GetTotalAllocatedBytes(precise: true) - before;
            if (i >= WarmUp)
                least = Math.Min(least, bytes / options.AccumulationSteps);
        }
        TestContext.Out.WriteLine($"{name}: {least} bytes a step");
        Assert.That(least, Is.LessThan(Limit));
    }
}
