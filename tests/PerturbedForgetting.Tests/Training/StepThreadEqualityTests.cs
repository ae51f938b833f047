using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Training;

/// <summary>Whole steps have the same bits each time, for any number of threads of the CPU.</summary>
[TestFixture, NonParallelizable]
sealed class StepThreadEqualityTests : ThreadsFixture
{
    [TestCase("resnet20", 32, 9)]
    [TestCase("vit_tiny_patch4_32", 32, 3)]
    public void StepsOfSamAreTheSame(string model, int pixels, int batch)
    {
        float[][]? first = null;
        foreach (int n in new[] { 1, 1, 2, 3, 5 })
        {
            WorkerPool.Threads = n;
            using var steps = new ModelSteps(model, pixels, batch,
                new(ModelSteps.Loss) { Perturbation = new() { Alpha = 0.4 }, AccumulationSteps = 2, ClipNorm = 1 });
            steps.Train(4);
            float[][] state = steps.State();
            Assert.That(state[0], Has.All.Matches<float>(float.IsFinite));
            first ??= state;
            for (int i = 0; i < state.Length; i++)
                Assert.That(state[i].AsSpan().SequenceEqual(first[i]), $"tensor {i} with {n} threads");
        }
    }
}
