using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>Devices that do not record or replay a step: it goes on launch by launch, with the bits that it has without graphs.</summary>
[TestFixture]
sealed class StepGraphRefusalTests
{
    const int Count = (2 * DeviceRun.Batches) + 2;

    // Dropout, random directions, gradients that gather over two batches: all that a step leaves behind on the host.
    static readonly TinySettings settings = new("randsam m4, accumulation", "randsam_sgdw")
    {
        Perturbation = new() { ChunkSize = 4 },
        Accumulation = 2,
    };

    static string[]? reports;
    static double[][]? state;

    static IEnumerable<SimulatedRefusal> Refusals() =>
    [
        new("cuStreamBeginCapture", (int)CudaResult.NotSupported),
        new("cuStreamBeginCapture", (int)CudaResult.CallRequiresNewerDriver, First: 2),
        // In the middle of a step that is being recorded: the first is the library's own failure, the others spoil the capture.
        new("cublasLtMatmul", 14, First: 6, Count: 1),
        new("cuLaunchKernel", (int)CudaResult.StreamCaptureUnsupported, First: 3, Count: 1),
        new("cuMemsetD32Async", (int)CudaResult.StreamCaptureInvalidated, First: 1, Count: 1),
        new("cuStreamEndCapture", (int)CudaResult.StreamCaptureInvalidated, First: 1, Count: 1),
        new("cuStreamEndCapture", (int)CudaResult.StreamCaptureUnjoined, First: 2),
        new("cuGraphInstantiate", (int)CudaResult.NotSupported),
        new("cuGraphInstantiate", (int)CudaResult.OutOfMemory, First: 2),
        new("cuGraphLaunch", (int)CudaResult.OutOfMemory),
        new("cuGraphLaunch", (int)CudaResult.NotSupported, First: 4, Count: 1),
    ];

    [OneTimeSetUp]
    public void RunWithoutGraphs()
    {
        using var driver = new SimulatedDriver();
        using Device device = Open(driver);
        using DeviceRun run = new DeviceRun(settings, device, usesGraphs: false).Train(Count);
        (reports, state) = ([.. run.Reports], run.State());
    }

    [TestCaseSource(nameof(Refusals))]
    public void ARefusalChangesNoBit(SimulatedRefusal refusal)
    {
        using var driver = new SimulatedDriver();
        using Device device = Open(driver);
        using var run = new DeviceRun(settings, device, usesGraphs: true);
        // The first step of a kind runs as it is; that is not what is to fail.
        run.Train(2);
        driver.Refuse(refusal);
        run.Train(Count - 2);
        Assert.That(run.Reports, Is.EqualTo(reports));
        Assert.That(run.State(), Is.EqualTo(state));
        Assert.That((run.Step.UsesGraphs, driver.Fault), Is.EqualTo((false, (string?)null)));
        Assert.That(device.Notes, Has.Count.EqualTo(1));
        Assert.That(device.Notes[0], Does.Contain("goes on launch by launch").And.Contain("--cuda-graph off"));
    }

    [Test]
    public void WhereGraphsAreRequiredARefusalIsAnError()
    {
        using var driver = new SimulatedDriver();
        using Device device = Open(driver);
        driver.Refuse(new("cuGraphInstantiate", (int)CudaResult.NotSupported));
        using var run = new DeviceRun(settings, device, usesGraphs: true, requiresGraphs: true);
        Assert.That(() => run.Train(Count), Throws.TypeOf<DeviceException>().With.Message.Contains("--cuda-graph on asks for")
            .And.Message.Contains("CUDA_ERROR_NOT_SUPPORTED (801").And.Message.Contains("Use --cuda-graph auto or off."));
    }

    [Test]
    public void ALostDeviceIsNoRefusal()
    {
        using var driver = new SimulatedDriver();
        using Device device = Open(driver);
        using DeviceRun run = new DeviceRun(settings, device, usesGraphs: true).Train(2);
        driver.Refuse(new("cuStreamBeginCapture", (int)CudaResult.LaunchFailed));
        Assert.That(() => run.Train(Count), Throws.TypeOf<CudaException>());
        Assert.That(device.Notes, Is.Empty);
    }

    /// <summary>An older driver, loaded by its exports as one of a machine is, lacks the entry points of graphs.</summary>
    [Test]
    public void ADriverWithoutGraphsIsDoneWithoutThem()
    {
        using var driver = new SimulatedDriver();
        nint[] entries = [.. MemoryMarshal.Cast<CudaDriverTable, nint>(new ReadOnlySpan<CudaDriverTable>(in driver.Api.Call))];
        string[] exports = [.. ExportsOf<CudaDriverTable>().Select(static names => names.Split('|')[0])];
        CudaDriverApi older = CudaDriverApi.From(export => export.Contains("Graph", StringComparison.Ordinal)
            || export.Contains("Capture", StringComparison.Ordinal) ? 0
            : Array.IndexOf(exports, export) is >= 0 and var at ? entries[at] : 0, "libcuda.so.1");
        Assert.That(older.MissingExports, Has.Count.EqualTo(7));
        using Device device = Device.OpenCuda(CudaDevice.All(older)[0], driver.Libraries, "older");
        using DeviceRun run = new DeviceRun(settings, device, usesGraphs: true).Train(Count);
        Assert.That(run.Reports, Is.EqualTo(reports));
        Assert.That(run.State(), Is.EqualTo(state));
        Assert.That(device.Notes, Has.One.Contain("cuStreamBeginCapture failed: CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER (36"));
    }

    static string[] ExportsOf<TTable>() where TTable : INativeTable => TTable.Exports;

    static Device Open(SimulatedDriver driver) => Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim");
}
