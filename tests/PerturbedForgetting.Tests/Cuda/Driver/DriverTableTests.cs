using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>The table itself: layouts of the interface, libraries that are absent or old.</summary>
sealed unsafe class DriverTableTests
{
    [Test]
    public void LayoutsAreThoseOfTheHeaders()
    {
        Assert.Multiple(() =>
        {
            Assert.That(sizeof(KernelArgument), Is.EqualTo(16));
            foreach (Type type in new[] { typeof(CudaResult), typeof(CudaDeviceAttribute), typeof(CudaFunctionAttribute),
                typeof(CudaJitOption),
                typeof(CudaStreamFlags), typeof(CudaEventFlags), typeof(CudaHostFlags), typeof(CudaCaptureMode) })
                Assert.That(Marshal.SizeOf(Enum.GetUnderlyingType(type)), Is.EqualTo(4), type.Name);
        });
    }

    [Test]
    public void EveryCodeHasNameAndRemedy()
    {
        foreach (CudaResult code in Enum.GetValues<CudaResult>())
        {
            Assert.That(CudaErrors.NameOf(code), Does.StartWith("CUDA_"), code.ToString());
            Assert.That(code == CudaResult.Success || CudaErrors.RemedyFor(code).Length > 0, code.ToString());
        }
        Assert.That(CudaErrors.NameOf((CudaResult)12345), Is.Null);
    }

    [Test]
    public void ArgumentKeepsItsBits()
    {
        KernelArgument[] arguments = [new DevicePointer(0x1234_5678_9abc_def0), -2, 0xffff_fffeu, -3L, ulong.MaxValue, 1.5f, -2.5];
        Assert.That(arguments.Select(a => a.Size), Is.EqualTo(new[] { 8, 4, 4, 8, 8, 4, 8 }));
        Assert.That(arguments.Select(a => a.Bits), Is.EqualTo(new ulong[]
        {
            0x1234_5678_9abc_def0, 0xffff_fffe, 0xffff_fffe, unchecked((ulong)-3L), ulong.MaxValue,
            BitConverter.SingleToUInt32Bits(1.5f), BitConverter.DoubleToUInt64Bits(-2.5),
        }));
    }

    [Test]
    public void NoEntryIsNull([Values("absent", "bare", "simulated")] string source)
    {
        using var driver = new SimulatedDriver();
        CudaDriverApi api = source switch
        {
            "absent" => CudaDriverApi.From(_ => 0, "libnothing.so"),
            "bare" => CudaDriverApi.From(name => name == "cuInit" ? (nint)driver.Api.Call.Init : 0, "libbare.so"),
            _ => driver.Api,
        };
        TableEntries.AreAllThere(in api.Call);
        Assert.That(api.IsSupported, Is.EqualTo(source != "absent"));
    }

    [Test]
    public void WithoutALibraryNothingThrowsAndCallsSayWhy()
    {
        CudaDriverApi api = CudaDriverApi.From(_ => 0, "libnothing.so");
        Assert.That(CudaDevice.All(api), Is.Empty);
        Assert.That(api.Origin, Does.Contain("libnothing.so is no CUDA driver"));
        ulong address;
        Assert.That(api.Call.MemAlloc(&address, 16), Is.EqualTo(CudaResult.NoDevice));
        CudaException error = Thrown(() => api.Check(api.Call.CtxSynchronize()))!;
        Assert.That(error.Message, Does.StartWith("cuCtxSynchronize failed: CUDA_ERROR_NO_DEVICE (100)."));
    }

    [Test]
    public void AMissingExportAsksForANewerDriver()
    {
        using var driver = new SimulatedDriver();
        CudaDriverApi api = CudaDriverApi.From(name => name == "cuInit" ? (nint)driver.Api.Call.Init : 0, "libbare.so");
        Assert.That(api.MissingExports, Does.Contain("cuMemAlloc_v2").And.Contain("cuEventElapsedTime_v2").And.Not.Contain("cuInit"));
        ulong address;
        Assert.That(api.Call.MemAlloc(&address, 16), Is.EqualTo(CudaResult.CallRequiresNewerDriver));
        Assert.That(api.Call.LaunchKernel(0, 1, 1, 1, 1, 1, 1, 0, 0, null, null), Is.EqualTo(CudaResult.CallRequiresNewerDriver));
    }

    [Test]
    public void AnOlderExportStandsIn()
    {
        using var driver = new SimulatedDriver();
        CudaDriverApi api = CudaDriverApi.From(name => name is "cuInit" or "cuEventElapsedTime"
            ? (nint)driver.Api.Call.Init
            : 0, "libold.so");
        Assert.That((nint)api.Call.EventElapsedTime, Is.EqualTo((nint)driver.Api.Call.Init));
        Assert.That(api.MissingExports, Does.Not.Contain("cuEventElapsedTime_v2"));
    }

    [TestCase(78, "sm_80", 11080, 80, null)]
    [TestCase(78, "sm_80", 12080, 120, null)]
    [TestCase(78, "sm_80", 11070, 80, "needs a driver for CUDA 11.8")]
    [TestCase(99, "sm_80", 13020, 80, "needs a newer driver")]
    [TestCase(78, "sm_80", 12000, 75, "compute capability 8.0 or newer; the GPU has 7.5")]
    [TestCase(80, "sm_90a", 12080, 100, "sm_90a only")]
    public void CompatibilityIsExplained(int ptx, string target, int cuda, int computeCapability, string? expected)
    {
        string? text = PtxCompatibility.Explain(ptx, target, cuda, computeCapability);
        Assert.That(text, expected is null ? Is.Null : Does.Contain(expected!));
    }

    [Test]
    public void CompatibilityTableIsOrdered()
    {
        Assert.That(PtxCompatibility.RequiredCuda(78), Is.EqualTo(11080));
        Assert.That(PtxCompatibility.NewestPtx(12060), Is.EqualTo(85));
        Assert.That(PtxCompatibility.NewestPtx(10020), Is.Zero);
        int[] known = [.. Enumerable.Range(60, 40).Where(v => PtxCompatibility.RequiredCuda(v) != 0)];
        Assert.That(known.Select(PtxCompatibility.RequiredCuda), Is.Ordered.And.Unique);
    }

    static CudaException? Thrown(Action action) => Assert.Throws<CudaException>(() => action());
}
