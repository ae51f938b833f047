using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What the backend tells a profiler of its launches is what the workloads know to be the least. Attention states nothing: its products
/// count, not its bytes.</summary>
sealed class StatedCostTests
{
    [Test]
    public void BytesAreTheLeastOfTheWorkload()
    {
        // Nothing waits for the launches, so that nothing is interpreted.
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        foreach (KernelWorkload workload in KernelWorkloads.Of(1).Where(static w => !w.Kernel.StartsWith("attention", StringComparison.Ordinal)))
        {
            var memory = new WorkloadMemory(Device.OpenCuda(CudaDevice.All(driver.Api)[0], CudaLibraries.None, "sim"));
            Action launch = workload.Prepare(memory);
            Costs costs = new();
            memory.Stream.Observer = costs;
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
