using PerturbedForgetting.Cli;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;

namespace DeviceBenchmark;

/// <summary>A device that is measured; the software GPU with its counters.</summary>
sealed class BenchmarkDevice : IDisposable
{
    readonly SimulatedDriver? driver;

    /// <param name="name"><c>cuda</c>, <c>cuda:N</c>, <c>cpu</c> or <c>sim</c>.</param>
    /// <param name="tf32">Whether products may round their operands to TF32.</param>
    public BenchmarkDevice(string name, bool tf32)
    {
        DeviceOptions options = new() { AllowTf32 = tf32 };
        driver = name == "sim" ? SoftwareGpu.Create() : null;
        Device = driver is null
            ? Device.Open(name, options)
            : Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, name, options, driver);
    }

    public Device Device { get; }

    /// <summary>Whether times mean nothing and sizes must be small.</summary>
    public bool IsSimulated => driver is not null;

    /// <summary>Kernels that ran, be it in a graph, and bytes that they loaded and stored, since the last call; zeros on a real
    /// device.</summary>
    public (long Kernels, long Bytes) TakeCounts()
    {
        if (driver is null)
            return default;
        Device.Synchronize();
        var counts = (driver.Counters.Values.Sum(c => c.Launches), driver.Counters.Values.Sum(c => c.BytesLoaded + c.BytesStored));
        driver.ResetCounters();
        return counts;
    }

    public void Dispose() => Device.Dispose();
}
