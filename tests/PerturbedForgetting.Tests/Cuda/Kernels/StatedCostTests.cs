using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What wrappers tell a profiler of their launches is what the workloads know to be the least.</summary>
sealed class StatedCostTests
{
    [Test]
    public void BytesAreTheLeastOfTheWorkload()
    {
        // Nothing waits for the launches, so that nothing is interpreted.
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        CudaContext context = CudaDevice.All(driver.Api)[0].RetainPrimaryContext();
        KernelLibrary library = new(context);
        List<string> silent = [];
        foreach (KernelWorkload workload in KernelWorkloads.All)
        {
            CudaStream stream = context.CreateStream();
            Action launch = workload.Prepare(new WorkloadMemory(library, stream));
            Costs costs = new();
            stream.Observer = costs;
            launch();
            long stated = costs.Bytes.GetValueOrDefault(workload.Kernel);
            double least = workload.Elements * (workload.LeastLoaded + workload.LeastStored);
            if (stated == 0)
                silent.Add(workload.Kernel);
            else
                Assert.That(stated, Is.EqualTo(least).Within(0.01 * least), $"bytes of {workload.Kernel} {workload.Shape}");
        }
        Assert.That(silent, Has.All.StartsWith("attention").Or.All.StartsWith("x"), "kernels that do not state their cost");
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
