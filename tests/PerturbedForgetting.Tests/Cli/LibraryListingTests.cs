using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cli;

/// <summary><c>devices --verbose</c>.</summary>
sealed class LibraryListingTests
{
    [Test]
    public void WhatIsMissingIsListedWithPlacesCostAndRemedy()
    {
        using LibraryMachine machine = new();
        machine.Set("PERTURBED_FORGETTING_NVTX", "none");
        machine.Put("usr/lib64", "libcudnn.so.8");
        CudaLibraries libraries = new(CublasApi.Absent(machine.Open(CudaLibrary.Cublas).Origin), CublasLtApi.Absent("no"),
            CudnnApi.Absent(machine.Open(CudaLibrary.Cudnn).Origin), Nvtx.None)
        { Search = machine.Open };
        string text = Write(libraries, machine.Open, driverVersion: 0);
        Assert.That(text, Does.Match(@"  CUDA driver\r?\n    state +not used: libcuda\.so\.1 is in none of 3 places"));
        Assert.That(text, Does.Match(@"  cuBLAS\r?\n    state +not used: there is no cuBLAS: libcublas\.so\.12 is in none of \d+ places"));
        Assert.That(text, Does.Match(@"without it +matrix products run")
            .And.Match(@"remedy +Install cuBLAS 12 \('pip install nvidia-cublas-cu12'\)"));
        Assert.That(text, Does.Match(@"looked at +libcublas\.so\.12: the system's loader finds none\r?\n +\S+usr.lib64: none there\r?\n"));
        Assert.That(text, Does.Contain("usr/lib64/libcudnn.so.8: it is cuDNN 8; the engine needs cuDNN 9"
            .Replace('/', Path.DirectorySeparatorChar)));
        Assert.That(text, Does.Match(@"not there +\S+cuda.lib64, "));
        Assert.That(text, Does.Match(@"  NVTX\r?\n(    .*\r?\n)+    remedy +unset PERTURBED_FORGETTING_NVTX"));
        Assert.That(text.TrimEnd(), Does.EndWith("PERTURBED_FORGETTING_CUDA_LIBRARIES; it is searched first."));
    }

    [Test]
    public void WhatIsFoundIsListedWithVersionAndPath()
    {
        using LibraryMachine machine = new();
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { CudnnVersion = new(8, 9, 7) });
        machine.OfTheSystem.UnionWith(["libcuda.so.1", "libcublas.so.12", "libcublasLt.so.12"]);
        string text = Write(driver.Libraries, machine.Open, driverVersion: 12080);
        Assert.That(text, Does.Match(@"  CUDA driver\r?\n    version +CUDA 12\.8\r?\n    from +libcuda\.so\.1\r?\n    state +used\r?\n"));
        Assert.That(text, Does.Match(@"  cuBLAS\r?\n    version +12\.6\.4\r?\n    from +software GPU\r?\n    state +used\r?\n"
            + @"    looked at +libcublas\.so\.12: loaded by the system\r?\n"));
        Assert.That(text, Does.Match(@"  cuDNN\r?\n    version +8\.9\.7\r?\n    state +not used: .* 9 is needed"));
    }

    [Test]
    public void TheCommandShowsItOnlyWhenAsked()
    {
        CliHarness brief = new(), verbose = new();
        Assert.That((brief.Run("devices"), verbose.Run("devices", "--verbose")), Is.EqualTo((0, 0)));
        Assert.That(brief.Output, Does.Not.Contain("libraries"));
        foreach (CudaLibrary library in Enum.GetValues<CudaLibrary>())
            Assert.That(verbose.Output, Does.Contain($"  {LibraryNames.Title(library)}{Environment.NewLine}"));
        Assert.That(verbose.Output, Does.StartWith(brief.Output));
    }

    static string Write(CudaLibraries libraries, Func<CudaLibrary, LibraryReport> search, int driverVersion)
    {
        StringWriter output = new();
        LibraryListing.Write(output, libraries, search, driverVersion);
        return output.ToString();
    }
}
