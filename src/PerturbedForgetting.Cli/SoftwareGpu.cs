using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
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
        return Device.OpenCuda(CudaDevice.All(driver.Api)[0], Libraries(driver), Name, options, driver);
    });

    /// <summary>Its libraries. Which real one a person has named counts for them too.</summary>
    static CudaLibraries Libraries(SimulatedDriver driver) => driver.Libraries with
    {
        Search = static library => new LibraryReport(library, LibraryState.Found, 0, Name,
            IsNamed: LibraryNames.Variable(library).Value is { Length: > 0 } value && value != EnvironmentVariables.None, []),
    };
}
