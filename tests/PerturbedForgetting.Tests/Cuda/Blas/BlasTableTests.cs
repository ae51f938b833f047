using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>The tables: layouts of the interface, libraries that are absent, incomplete or of another version.</summary>
sealed unsafe class BlasTableTests
{
    [Test]
    public void LayoutsAreThoseOfTheHeaders()
    {
        Assert.Multiple(() =>
        {
            Assert.That(sizeof(CublasLtAlgorithm), Is.EqualTo(64));
            Assert.That(sizeof(CublasLtHeuristicResult), Is.EqualTo(96));
            Assert.That((int)Marshal.OffsetOf<CublasLtHeuristicResult>(nameof(CublasLtHeuristicResult.WorkspaceBytes)), Is.EqualTo(64));
            Assert.That((int)Marshal.OffsetOf<CublasLtHeuristicResult>(nameof(CublasLtHeuristicResult.State)), Is.EqualTo(72));
            Assert.That((int)Marshal.OffsetOf<CublasLtHeuristicResult>(nameof(CublasLtHeuristicResult.Waves)), Is.EqualTo(76));
        });
    }

    [Test]
    public void EveryStatusHasNameAndRemedy()
    {
        foreach (CublasStatus status in Enum.GetValues<CublasStatus>())
        {
            Assert.That(CublasErrors.NameOf(status), Does.StartWith("CUBLAS_STATUS_"), status.ToString());
            Assert.That(status == CublasStatus.Success || CublasErrors.RemedyFor(status).Length > 0, status.ToString());
        }
    }

    [Test]
    public void NoEntryIsNull([Values("absent", "bare", "simulated")] string source)
    {
        using var driver = new SimulatedDriver();
        (CublasApi blas, CublasLtApi lt) = source switch
        {
            "absent" => (CublasApi.From(_ => 0, "libnothing.so"), CublasLtApi.From(_ => 0, "libnothing.so")),
            "bare" => (Bare(driver), BareLt(driver)),
            _ => (driver.Cublas, driver.CublasLt),
        };
        TableEntries.AreAllThere(in blas.Call);
        TableEntries.AreAllThere(in lt.Call);
    }

    [Test]
    public void AnAbsentLibraryAnswers()
    {
        CublasApi blas = CublasApi.From(_ => 0, "libnothing.so");
        CublasLtApi lt = CublasLtApi.From(_ => 0, "libnothing.so");
        nint handle;
        Assert.That((blas.IsSupported, blas.Version, blas.Call.Create(&handle)),
            Is.EqualTo((false, (Version?)null, CublasStatus.NotInitialized)));
        Assert.That((lt.IsSupported, lt.Version, lt.Call.Create(&handle)),
            Is.EqualTo((false, (Version?)null, CublasStatus.NotInitialized)));
        Assert.That(blas.WhyUnusable, Is.EqualTo("there is no cuBLAS: libnothing.so is no cuBLAS"));
        Assert.That(lt.WhyUnusable, Is.EqualTo("there is no cuBLASLt: libnothing.so is no cuBLASLt"));
    }

    [Test]
    public void WhatALibraryLacksIsNamed()
    {
        using var driver = new SimulatedDriver();
        CublasApi blas = CublasApi.From(name => name == "cublasCreate_v2" ? (nint)driver.Cublas.Call.Create : name == "cublasGetProperty"
            ? (nint)driver.Cublas.Call.GetProperty : 0, "libbare.so");
        Assert.That(blas.WhyUnusable, Does.StartWith("cuBLAS 12.6.4 (libbare.so) lacks cublasDestroy_v2, "));
        Assert.That(blas.MissingExports, Does.Contain("cublasGemmEx").And.Not.Contain("cublasGetProperty"));
        Assert.That(blas.Call.Destroy(0), Is.EqualTo(CublasStatus.NotSupported));
        CublasLtApi lt = BareLt(driver);
        Assert.That(lt.WhyUnusable, Is.EqualTo("cuBLASLt (libbare.so) does not tell its version"));
        Assert.That(lt.MissingExports, Does.Contain("cublasLtGetVersion").And.Contain("cublasLtMatmul"));
    }

    [TestCase(11, 11, 3), TestCase(14, 0, 0)]
    public void AnotherVersionIsRefused(int major, int minor, int patch)
    {
        Version version = new(major, minor % 10, patch);
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { CublasVersion = version, CublasLtVersion = version });
        Assert.That((gpu.Driver.Cublas.Version, gpu.Driver.CublasLt.Version), Is.EqualTo((version, version)));
        string problem = $"(software GPU) is of version {version}; 12 or 13 is needed";
        Assert.That(gpu.Driver.Cublas.WhyUnusable, Is.EqualTo($"cuBLAS {problem}"));
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => new Cublas(gpu.Context, gpu.Driver.Cublas))!;
        Assert.That(error.Message, Does.Contain(problem).And.Contain("Install cuBLAS 12 or 13")
            .And.Contain("PERTURBED_FORGETTING_CUBLAS;"));
        error = Assert.Throws<CudaLibraryException>(() => new CublasLt(gpu.Context, gpu.Driver.CublasLt))!;
        Assert.That(error.Message, Does.Contain(problem).And.Contain("PERTURBED_FORGETTING_CUBLASLT;"));
    }

    [TestCase(12, 0, 0), TestCase(12, 9, 1), TestCase(13, 0, 2)]
    public void AKnownVersionIsTaken(int major, int minor, int patch)
    {
        Version version = new(major, minor, patch);
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { CublasVersion = version, CublasLtVersion = version });
        Assert.That((gpu.Driver.Cublas.Version, gpu.Driver.CublasLt.Version), Is.EqualTo((version, version)));
        using var blas = new Cublas(gpu.Context, gpu.Driver.Cublas);
        using var lt = new CublasLt(gpu.Context, gpu.Driver.CublasLt);
    }

    [Test]
    public void ASoftwareGpuMayHaveNone()
    {
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { CublasVersion = null, CublasLtVersion = null });
        CudaLibraryException error = Assert.Throws<CudaLibraryException>(() => new Cublas(gpu.Context, gpu.Driver.Cublas))!;
        Assert.That(error.Message, Does.Contain("there is no cuBLAS: the software GPU was made without it"));
        Assert.That(gpu.Driver.CublasLt.WhyUnusable, Does.StartWith("there is no cuBLASLt"));
    }

    static CublasApi Bare(SimulatedDriver driver) =>
        CublasApi.From(name => name == "cublasCreate_v2" ? (nint)driver.Cublas.Call.Create : 0, "libbare.so");

    static CublasLtApi BareLt(SimulatedDriver driver) =>
        CublasLtApi.From(name => name == "cublasLtCreate" ? (nint)driver.CublasLt.Call.Create : 0, "libbare.so");
}
