using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What wrappers tell a profiler of their launches is what the workloads know to be the least. Attention states nothing: its products
/// count, not its bytes.</summary>
sealed class StatedCostTests
{
    [Test]
    public void BytesAreTheLeastOfTheWorkload()
    {
        // Nothing waits for the launches, so that nothing is interpreted.
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        CudaContext context = CudaDevice.All(driver.Api)[0].RetainPrimaryContext();
        var library = new KernelLibrary(context);
        foreach (KernelWorkload workload in KernelWorkloads.Of(1).Where(static w => !w.Kernel.StartsWith("attention", StringComparison.Ordinal)))
        {
            CudaStream stream = context.CreateStream();
            Action launch = workload.Prepare(new WorkloadMemory(library, stream));
            Costs costs = new();
            stream.Observer = costs;
            launch();
            long stated = costs.Bytes.GetValueOrDefault(workload.Kernel);
            double least = workload.Elements * (workload.LeastLoaded + workload.LeastStored);
            Assert.That(stated, Is.EqualTo(least).Within(0.01 * least), $"bytes of {workload.Kernel} {workload.Shape}");
        }
    }

    /// <summary>Bytes by the name of the launch they were stated for.</summary>
    sealed class Costs : ILaunchObserver
    {
        long next;

        public Dictionary<string, long> Bytes { get; } = [];

        void ILaunchObserver.Costs(in LaunchCost cost) => next = cost.Bytes;

        public void Launching(CudaStream stream, string name)
        {
            Bytes[name] = Bytes.GetValueOrDefault(name) + next;
            next = 0;
        }

        public void Launched(CudaStream stream, string name)
        {
        }
    }
}
