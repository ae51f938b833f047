using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Cli;

/// <summary>Makes the software GPU known as the device <c>sim</c>.</summary>
static class SoftwareGpu
{
    /// <summary>The device's name.</summary>
    public const string Name = "sim";

    /// <summary>A software GPU that looks as the environment asks (<see cref="SoftwareGpuOptions.Variable"/>).</summary>
    public static SimulatedDriver Create() => new(SoftwareGpuOptions.FromEnvironment());

    /// <summary>From now on, the engine opens the device by its name.</summary>
    public static void Register() => Device.Register(Name, static options =>
    {
        SimulatedDriver driver = Create();
        return Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, Name, options, driver);
    });
}
