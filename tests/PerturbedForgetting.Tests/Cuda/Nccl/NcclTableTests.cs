using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Nccl;

/// <summary>The table of NCCL: its layouts; libraries that are absent, incomplete or of another version.</summary>
sealed unsafe class NcclTableTests
{
    [Test]
    public void AnIdIsOfTheHeadersSizeAndCarriesItsBytes()
    {
        Assert.That(sizeof(NcclUniqueId), Is.EqualTo(128));
        byte[] bytes = [.. Enumerable.Range(0, 128).Select(static i => (byte)(i * 7))];
        Assert.That(new NcclUniqueId(bytes).ToArray(), Is.EqualTo(bytes));
        Assert.That(() => new NcclUniqueId(bytes.AsSpan(1)), Throws.ArgumentException);
    }

    /// <summary>A struct of this size goes by value over the stack, or by a hidden pointer to a copy, as the platform has it.</summary>
    [Test]
    public void AnIdIsPassedByValue()
    {
        NcclUniqueId id = new([.. Enumerable.Range(0, 128).Select(static i => (byte)(i + 1))]);
        nint first = 0;
        delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclResult> call = &Sum;
        Assert.That(call(&first, 7, id, 11), Is.EqualTo(NcclResult.Success));
        Assert.That(first, Is.EqualTo((nint)(7 + 11 + (128 * 129 / 2))));
    }

    [UnmanagedCallersOnly]
    static NcclResult Sum(nint* result, int before, NcclUniqueId id, int behind)
    {
        *result = before + behind + id.ToArray().Sum(static b => b);
        return NcclResult.Success;
    }

    [TestCase(NcclResult.Success, "ncclSuccess")]
    [TestCase(NcclResult.UnhandledCudaError, "ncclUnhandledCudaError")]
    [TestCase(NcclResult.RemoteError, "ncclRemoteError")]
    [TestCase(NcclResult.InProgress, "ncclInProgress")]
    [TestCase((NcclResult)4711, "ncclResult")]
    public void StatusesAreNamedAsInTheHeader(NcclResult result, string name)
    {
        Assert.That(NcclErrors.NameOf(result), Is.EqualTo(name));
        Assert.That(NcclErrors.RemedyFor(result).Length > 0,
            Is.EqualTo(result is not (NcclResult.Success or NcclResult.InProgress or (NcclResult)4711)));
    }

    [Test]
    public void NoEntryIsNull([Values("absent", "bare", "simulated")] string source)
    {
        using var driver = new SimulatedDriver();
        NcclApi api = source switch
        {
            "absent" => NcclApi.From(_ => 0, "libnothing.so"),
            "bare" => Bare(driver),
            _ => driver.Nccl,
        };
        TableEntries.AreAllThere(in api.Call);
        Assert.That(api.IsSupported, Is.EqualTo(source != "absent"));
    }

    [Test]
    public void AnAbsentLibraryAnswersAndSaysWhy()
    {
        NcclApi api = NcclApi.From(_ => 0, "libnothing.so");
        NcclUniqueId id;
        Assert.That(api.Call.GetUniqueId(&id), Is.EqualTo(NcclResult.InternalError));
        Assert.That(api.Version, Is.Null);
        Assert.That(api.WhyUnusable, Is.EqualTo("there is no NCCL: libnothing.so is no NCCL"));
        Assert.That(() => api.CreateUniqueId(), Throws.TypeOf<CudaLibraryException>().With.Message.Contains("libnothing.so is no NCCL")
            .And.Message.Contains("nvidia-nccl-cu12").And.Message.Contains("PERTURBED_FORGETTING_NCCL"));
    }

    [Test]
    public void ALibraryWithoutAnEntryIsNamed()
    {
        using var driver = new SimulatedDriver();
        NcclApi api = Bare(driver);
        Assert.That(api.WhyUnusable, Does.StartWith("NCCL 2.23.4 (libbare.so) lacks ncclGetErrorString, "));
        Assert.That(api.Call.GetErrorString(NcclResult.Success) is null, "what returns a text returns none");
        Assert.That(api.Call.CommDestroy(7), Is.EqualTo(NcclResult.InternalError));
    }

    [TestCase("2.13.4", null)]
    [TestCase("2.29.7", null)]
    [TestCase("2.12.12", "NCCL (software GPU) is of version 2.12.12; 2.13 or newer is needed")]
    [TestCase("2.8.4", "NCCL (software GPU) is of version 2.8.4; 2.13 or newer is needed")]
    [TestCase("1.3.5", "NCCL (software GPU) is of version 1.3.5; 2 is needed")]
    [TestCase("3.0.1", "NCCL (software GPU) is of version 3.0.1; 2 is needed")]
    [TestCase(null, "there is no NCCL: this software GPU has none")]
    public void OnlyVersion2From13OnIsUsed(string? version, string? reason)
    {
        using var gpu = new SmallGpu(new SimulatedDeviceOptions { NcclVersion = version is null ? null : Version.Parse(version) });
        Assert.That(gpu.Driver.Nccl.Version?.ToString(), Is.EqualTo(version));
        Assert.That(gpu.Driver.Nccl.WhyUnusable, Is.EqualTo(reason));
        if (reason is null)
            new NcclGroup(gpu.Context, gpu.Driver.Nccl, gpu.Driver.Nccl.CreateUniqueId(), 0, 1).Dispose();
        else
            Assert.That(() => new NcclGroup(gpu.Context, gpu.Driver.Nccl, default, 0, 1),
                Throws.TypeOf<CudaLibraryException>().With.Message.Contains(reason));
    }

    static NcclApi Bare(SimulatedDriver driver) =>
        NcclApi.From(name => name == "ncclGetVersion" ? (nint)driver.Nccl.Call.GetVersion : 0, "libbare.so");
}
