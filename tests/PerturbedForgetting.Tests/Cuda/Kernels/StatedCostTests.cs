using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What the backend tells a profiler of its launches is what the workloads know to be the least.</summary>
sealed class StatedCostTests
{
    [Test]
    public void CostsAreTheLeastOfTheWorkload()
    {
        // Nothing waits for the launches, so that nothing is interpreted.
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        foreach (KernelWorkload workload in KernelWorkloads.Of(1))
        {
            var memory = new WorkloadMemory(Device.OpenCuda(CudaDevice.All(driver.Api)[0], CudaLibraries.None, "sim"));
            Action launch = workload.Prepare(memory);
            Costs costs = new();
            memory.Stream.Observer = costs;
            launch();
            LaunchCost stated = costs.Of[workload.Kernel];
            // Vectors, scalars and statistics come on top.
            double slack = 0.01 * workload.Elements * (workload.LeastLoaded + workload.LeastStored);
            string what = $"of {workload.Kernel} {workload.Shape}";
            Assert.That(stated.Loaded, Is.EqualTo(workload.Elements * workload.LeastLoaded).Within(slack), $"bytes loaded {what}");
            Assert.That(stated.Stored, Is.EqualTo(workload.Elements * workload.LeastStored).Within(slack), $"bytes stored {what}");
            Assert.That(stated.Operations, Is.EqualTo(workload.Elements * workload.Operations), $"operations {what}");
        }
    }

    /// <summary>Costs by the name of the launch they were stated for.</summary>
    sealed class Costs : ILaunchObserver
    {
        LaunchCost next;

        public Dictionary<string, LaunchCost> Of { get; } = [];

        void ILaunchObserver.Costs(in LaunchCost cost) => next = cost;

        public void Launching(CudaStream stream, string name)
        {
            Of[name] = Of.GetValueOrDefault(name) + next;
            next = default;
        }

        public void Launched(CudaStream stream, string name)
        {
        }
    }
}
