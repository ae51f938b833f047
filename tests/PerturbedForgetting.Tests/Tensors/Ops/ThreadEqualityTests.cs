using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.Catalogue;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Results and gradients have the same bits for any number of threads of the CPU, and nothing stays allocated.</summary>
[TestFixture]
sealed class ThreadEqualityTests : ThreadsFixture
{
    static IEnumerable<Operation> Operations() => OperationCatalogue.All.Where(static o => o.Shared is not null);

    [TestCaseSource(nameof(Operations))]
    public void BitsAreTheSame(Operation operation)
    {
        long live = Device.Cpu.Memory.Live;
        WorkerPool.Threads = 1;
        var run = new OperationRun(operation, operation.Shared!);
        float[][] expected = run.On(Device.Cpu);
        foreach (int threads in new[] { 2, 5, 64 })
        {
            WorkerPool.Threads = threads;
            float[][] actual = run.On(Device.Cpu);
            for (int i = 0; i < expected.Length; i++)
                Assert.That(actual[i].AsSpan().SequenceEqual(expected[i]), $"{run.Words(i)} with {threads} threads");
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live), "bytes left");
    }
}
