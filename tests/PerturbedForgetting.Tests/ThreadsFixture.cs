using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests;

/// <summary>A fixture whose tests set <see cref="WorkerPool.Threads"/>, which is put back behind each.</summary>
abstract class ThreadsFixture
{
    int threads;

    [SetUp]
    public void Remember() => threads = WorkerPool.Threads;

    [TearDown]
    public void Restore() => WorkerPool.Threads = threads;
}
