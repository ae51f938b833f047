using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Libraries;

/// <summary>Which trouble with a library ends a run, and which is only told.</summary>
sealed class CudaLibrariesTests
{
    [Test]
    public void WholeLibrariesAreNoProblem()
    {
        using var driver = new SimulatedDriver();
        Assert.That(driver.Libraries.Problems(12080), Is.Empty);
        Assert.That(driver.Libraries.Status(12080).Take(3).Select(status => status.WhyUnusable), Is.All.Null);
        Assert.That(driver.Libraries.Status(12080).Take(3).Select(status => status.Version),
            Is.EqualTo(new[] { driver.Options.CublasVersion, driver.Options.CublasLtVersion, driver.Options.CudnnVersion }));
        Assert.That(() => driver.Libraries.Check(CudaDevice.All(driver.Api)[0]), Throws.Nothing);
    }

    [Test]
    public void ThatThereAreNoneIsNoProblem()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions
        {
            CublasVersion = null,
            CublasLtVersion = null,
            CudnnVersion = null
        });
        Assert.That(driver.Libraries.Problems(12080), Is.Empty);
        Assert.That(driver.Libraries.Status(12080).Select(status => status.WhyUnusable), Is.All.Not.Null);
        Assert.That(() => driver.Libraries.Check(CudaDevice.All(driver.Api)[0]), Throws.Nothing);
    }

    [TestCase(8, "8.9.7; 9 is needed")]
    [TestCase(10, "10.0.0; 9 is needed")]
    public void AnotherVersionOfCudnnIsAProblemWhereItIsNamed(int major, string words)
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { CudnnVersion = major == 8 ? new(8, 9, 7) : new(major, 0, 0) });
        Assert.That(() => driver.Libraries.Check(CudaDevice.All(driver.Api)[0]), Throws.Nothing, "another may be meant");
        CudaLibraryException error = Checked(driver);
        Assert.That(error.Library, Is.EqualTo("cuDNN"));
        Assert.That(error.Message, Does.StartWith("cuDNN cannot be used: ").And.Contain(words).And.Contain("pip install nvidia-cudnn-cu12")
            .And.Contain("PERTURBED_FORGETTING_CUDNN=none convolutions run as matrix products"));
    }

    [Test]
    public void CudnnOfANewerCudaIsAProblem()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { CudnnCudaVersion = 13000 });
        Assert.That(Checked(driver).Message, Does.Contain("made for CUDA 13, and the driver for CUDA 12"));
    }

    [Test]
    public void AnotherVersionOfCublasIsSaidOnce()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions
        {
            CublasVersion = new(11, 0, 0),
            CublasLtVersion = new(11, 0, 0)
        });
        CudaLibraryException error = Checked(driver);
        Assert.That(error.Message.Split('\n'), Has.Length.EqualTo(1));
        Assert.That(error.Message, Does.StartWith("cuBLAS cannot be used: ").And.Contain("11.0.0; 12 or 13 is needed")
            .And.Contain("pip install nvidia-cublas-cu12").And.Contain("PERTURBED_FORGETTING_CUBLAS=none"));
    }

    [Test]
    public void EveryProblemIsNamed()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions
        {
            DriverVersion = 13000,
            CublasLtVersion = new(11, 0, 0),
            CudnnVersion = new(8, 0, 0)
        });
        Assert.That(Checked(driver).Message.Split('\n').Select(line => line.Split(' ')[0]), Is.EqualTo(new[] { "cuBLASLt", "cuDNN" }));
        Assert.That(Named(driver).Problems(13000)[1], Does.Contain("pip install nvidia-cudnn-cu13"));
    }

    [TestCase(LibraryState.Missing, false, false)]
    [TestCase(LibraryState.Hidden, false, false)]
    [TestCase(LibraryState.Hidden, true, false)]
    [TestCase(LibraryState.Unusable, false, false)]
    [TestCase(LibraryState.WrongVersion, false, false)]
    [TestCase(LibraryState.Unusable, true, true)]
    [TestCase(LibraryState.WrongVersion, true, true)]
    public void WhatTheSearchFoundDecides(LibraryState state, bool isNamed, bool isProblem)
    {
        CudaLibraries libraries = new(CublasApi.Absent("why"), CublasLtApi.Absent("why"), CudnnApi.Absent("why"), Nvtx.None)
        {
            Search = library => new LibraryReport(library, state, 0, "why", isNamed, []),
        };
        LibraryStatus[] found = [.. libraries.Status(12080).Where(status => status.IsProblem)];
        Assert.That(found.Select(status => status.Library), Is.EqualTo(isProblem
            ? new[] { CudaLibrary.Cublas, CudaLibrary.Cudnn, CudaLibrary.Nvtx }
            : []));
    }

    [Test]
    public void EveryLibraryHasAdvice([Values] CudaLibrary library, [Values(0, 12080, 13000)] int driverVersion)
    {
        Assert.That(LibraryAdvice.Cost(library), Is.Not.Empty);
        Assert.That(LibraryAdvice.Remedy(library, driverVersion), Does.Contain(library switch
        {
            CudaLibrary.Driver => "a driver for CUDA 11.8 (Linux: 520.43 or newer)",
            CudaLibrary.Cudnn => driverVersion == 13000 ? "'pip install nvidia-cudnn-cu13'" : "'pip install nvidia-cudnn-cu12'",
            CudaLibrary.Nccl => driverVersion == 13000 ? "'pip install nvidia-nccl-cu13'" : "'pip install nvidia-nccl-cu12'",
            CudaLibrary.Nvtx => driverVersion == 13000 ? "'pip install nvidia-nvtx'" : "'pip install nvidia-nvtx-cu12'",
            _ => driverVersion == 13000 ? "'pip install nvidia-cublas'" : "'pip install nvidia-cublas-cu12'",
        }));
    }

    static CudaLibraryException Checked(SimulatedDriver driver) =>
        Assert.Throws<CudaLibraryException>(() => Named(driver).Check(CudaDevice.All(driver.Api)[0]))!;

    static CudaLibraries Named(SimulatedDriver driver) => driver.Libraries with
    {
        Search = static library => new LibraryReport(library, LibraryState.Found, 0, "here", IsNamed: library != CudaLibrary.Nvtx, []),
    };
}
