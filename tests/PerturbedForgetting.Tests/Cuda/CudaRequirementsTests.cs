using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>Which GPUs and drivers can run the kernels.</summary>
sealed class CudaRequirementsTests
{
    [TestCase(80, 11080, null, null)]
    [TestCase(90, 13000, null, null)]
    [TestCase(120, 12080, null, null)]
    [TestCase(75, 12080, CudaResult.NoBinaryForGpu,
        "for compute capability 8.0 or newer; the GPU has 7.5. Use a newer GPU, or `device` cpu.")]
    [TestCase(80, 11070, CudaResult.UnsupportedPtxVersion,
        "needs a driver for CUDA 11.8 (Linux: 520.43 or newer); the driver here is for CUDA 11.7. Update the NVIDIA driver.")]
    [TestCase(75, 11040, CudaResult.UnsupportedPtxVersion, "the driver here is for CUDA 11.4")]
    public void OldOnesAreNamed(int capability, int driverVersion, CudaResult? code, string? words)
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions
        {
            ComputeCapability = capability,
            DriverVersion = driverVersion
        });
        CudaDevice device = CudaDevice.All(driver.Api)[0];
        if (code is null)
        {
            Assert.That(() => CudaRequirements.Check(device), Throws.Nothing);
            return;
        }
        CudaException error = Assert.Throws<CudaException>(() => CudaRequirements.Check(device))!;
        Assert.That(error.Result, Is.EqualTo(code));
        Assert.That(error.Message, Does.StartWith($"Opening {device.Name} failed").And.Contain(words!));
    }

    static IEnumerable<string> Files => KernelFiles.Embedded.Names;

    [Test]
    public void TheKernelsAreWhatIsSaid([ValueSource(nameof(Files))] string file)
    {
        PtxHeader header = PtxHeader.Read(KernelFiles.Embedded.Read(file))!;
        Assert.That((header.Version, header.Target), Is.EqualTo((CudaRequirements.PtxVersion, $"sm_{CudaRequirements.ComputeCapability}")));
    }
}
