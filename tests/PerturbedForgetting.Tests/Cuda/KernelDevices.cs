using System.Collections;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tests.Cuda.Kernels.Edges;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>The devices on which every kernel test runs: <c>sim</c> always, <c>cuda</c> where a driver and a GPU are found.</summary>
sealed class KernelDevices : IEnumerable<string>
{
    /// <summary>The software GPU; with a card's name behind it, one that has the limits of that card.</summary>
    public const string Simulated = "sim", SimulatedCard = "sim as ";

    /// <summary>A software GPU with more memory than the host that runs only the first and the last block of a launch.</summary>
    public const string SimulatedEdges = "sim, edges of grids";

    static readonly Dictionary<string, KernelDevice> opened = [];

    /// <summary>What the software GPU looks like.</summary>
    public static SimulatedDeviceOptions Software { get; set; } = new();

    /// <summary>GPUs of this machine.</summary>
    public static IReadOnlyList<CudaDevice> Gpus { get; } = CudaDevice.All(CudaDriverApi.Installed);

    /// <summary>A device, opened once for all fixtures; opened anew after a fault.</summary>
    public static KernelDevice Open(string name)
    {
        if (opened.TryGetValue(name, out KernelDevice? device) && !device.IsFaulted)
            return device;
        device?.Dispose();
        return opened[name] = new KernelDevice(name);
    }

    public IEnumerator<string> GetEnumerator()
    {
        yield return Simulated;
        if (Gpus.Count > 0)
            yield return "cuda";
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A device of the project's kernels alone: without NVIDIA's libraries, products in float32. The software GPU runs blocks and
/// warps in another order in each run.</summary>
sealed class KernelDevice : IDisposable
{
    public KernelDevice(string name)
    {
        SimulatedDeviceOptions options = KernelDevices.Software;
        options = options with { ShuffleSeed = options.ShuffleSeed ?? KernelFixture.BaseSeed };
        Driver = name == KernelDevices.Simulated ? new SimulatedDriver(options)
            : name == KernelDevices.SimulatedEdges ? new SimulatedDriver(LargeTensorFixture.Hardware(options))
            : name.StartsWith(KernelDevices.SimulatedCard, StringComparison.Ordinal)
                ? new SimulatedDriver(options.As(Card.Find(name[KernelDevices.SimulatedCard.Length..])!))
                : null;
        CudaDevice gpu = Driver is null ? KernelDevices.Gpus[0] : CudaDevice.All(Driver.Api)[0];
        Device = Device.OpenCuda(gpu, CudaLibraries.None, name, new DeviceOptions { AllowTf32 = false }, Driver);
    }

    /// <summary>The software GPU; null on a real one.</summary>
    public SimulatedDriver? Driver { get; }

    public Device Device { get; }

    public CudaBackend Backend => (CudaBackend)Device.Backend;

    /// <summary>After a fault nothing works in the context any more.</summary>
    public bool IsFaulted => Driver?.Fault is not null;

    public void Dispose() => Device.Dispose();
}

/// <summary>Says on how many devices the kernels are tested.</summary>
sealed class KernelDevicesTests
{
    [Test]
    public void NumberOfRealDevicesIsPrinted()
    {
        TestContext.Progress.WriteLine(
            $"Kernel tests run on the software GPU and on {KernelDevices.Gpus.Count} real GPUs ({CudaDriverApi.Installed.Origin}).");
        foreach (CudaDevice gpu in KernelDevices.Gpus)
            TestContext.Progress.WriteLine($"  {gpu}");
        Assert.That(new KernelDevices(), Does.Contain("sim"));
    }
}
