using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;
using PerturbedForgetting.Tensors.Catalogue;
using KernelLaunch = PerturbedForgetting.Tensors.Catalogue.KernelLaunch;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>
/// What the launches of an operation at usual sizes state is the least of the catalogue, and what the software GPU counts of them is what
/// they state: to the byte, or more by the part that the catalogue knows; in whole sectors, without conflicts.
/// </summary>
[TestFixture]
sealed class OperationTrafficTests
{
    SimulatedDriver driver = null!;
    CudaContext context = null!;
    KernelProfiler profiler = null!;

    static IEnumerable<TestCaseData> Kernels() =>
        from operation in OperationCatalogue.All
        from workload in operation.Workloads
        where workload.Family != KernelWorkload.Library
        from launch in workload.Launches
        select new TestCaseData(launch, launch.Operations(workload.Shapes(1))).SetArgDisplayNames(launch.Name);

    [OneTimeSetUp]
    public void Open()
    {
        driver = new SimulatedDriver();
        context = CudaDevice.All(driver.Api)[0].RetainPrimaryContext();
        profiler = new KernelProfiler(context, driver.Libraries);
    }

    [OneTimeTearDown]
    public void Close()
    {
        profiler.Dispose();
        context.Dispose();
        driver.Dispose();
    }

    [TestCaseSource(nameof(Kernels))]
    public void WhatIsCountedIsWhatIsStated(KernelLaunch launch, double operations)
    {
        driver.ResetCounters();
        KernelProfile profile = profiler.Run(launch.Name);
        Counters counters = driver.Counters[launch.Name];
        (double loaded, double stored) = (profile.Elements * launch.Loaded, profile.Elements * launch.Stored);
        // Vectors, scalars, statistics and parts of sums come on top of the least.
        double slack = 0.01 * (loaded + stored);
        LaunchCost stated = profile.Stated;
        TestContext.Out.WriteLine(
            $"of {stated.Bytes} bytes again loaded: {(double)(counters.BytesLoaded - stated.Loaded) / stated.Bytes:0.####}, "
            + $"stored: {(double)(counters.BytesStored - stated.Stored) / stated.Bytes:0.####}");
        Assert.Multiple(() =>
        {
            Assert.That(stated.Loaded, Is.EqualTo(loaded).Within(slack), "stated to be loaded");
            Assert.That(stated.Stored, Is.EqualTo(stored).Within(slack), "stated to be stored");
            Assert.That(stated.Operations, Is.EqualTo(profile.Elements * operations), "stated operations");
            Assert.That(counters.BytesLoaded - stated.Loaded, Is.InRange(0L, (long)(launch.Again * stated.Bytes)), "loaded again");
            Assert.That(counters.BytesStored - stated.Stored, Is.InRange(0L, (long)(launch.Again * stated.Bytes)), "stored again");
            if (launch.UsesWholeSectors)
                Assert.That(counters.SectorEfficiency, Is.EqualTo(1), "sector efficiency");
            Assert.That(counters.BankConflicts, Is.Zero, "bank conflicts");
        });
    }
}
