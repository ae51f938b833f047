using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cli;

sealed unsafe class DevicesCommandTests
{
    [Test]
    public void TheSoftwareGpuIsListed()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("devices"), Is.Zero);
        Assert.That(cli.Output, Does.Match(@"\nsim\r?\n  processor +software GPU").And.Match(@"capability +8\.0\r?\n")
            .And.Match(@"driver +CUDA 12\.8\r?\n"));
    }

    [Test]
    public void AGpuIsListedWithWhatTheKernelsNeed()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions
        {
            ComputeCapability = 75,
            DriverVersion = 11080,
            MemoryBytes = 3L << 29,
            Multiprocessors = 40
        });
        string text = Gpus(driver.Api);
        Assert.That(text, Does.StartWith("cuda:0").And.Match(@"memory +1\.5 GiB").And.Match(@"capability +7\.5\r?\n")
            .And.Match(@"unusable +The PTX is for compute capability 8\.0 or newer; the GPU has 7\.5\.").And.Match(@"processors +40")
            .And.Match(@"driver +CUDA 11\.8").And.Match(@"bus +0000:"));
    }

    [Test]
    public void WithoutADriverTheReasonIsListed()
    {
        string text = Gpus(CudaDriverApi.From(_ => 0, "libnothing.so"));
        Assert.That(text, Does.Match(@"^cuda\r?\n  none +libnothing\.so is no CUDA driver"));
    }

    [Test]
    public void ADriverThatDoesNotWorkHidesNothingElse()
    {
        using var driver = new SimulatedDriver();
        string text = Gpus(CudaDriverApi.From(name => name == "cuInit" ? (nint)driver.Api.Call.Init : 0, "libbroken.so"));
        Assert.That(text, Does.Match(@"^cuda\r?\n  none +cuDriverGetVersion failed: CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER"));
    }

    static string Gpus(CudaDriverApi api)
    {
        StringWriter output = new();
        DevicesCommand.WriteGpus(output, api);
        return output.ToString();
    }
}
