using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>A GPU that falls off the bus in the midst of its work.</summary>
sealed class LostDeviceTests
{
    [Test]
    public void AfterItsLastOperationEveryCallFails([Values(0, 1, 5)] int last, [Values(null, 3)] int? seed)
    {
        using SmallGpu gpu = new(new SimulatedDeviceOptions { Workers = 1, LostAfterOperations = last, ShuffleSeed = seed });
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(32);
        using CudaStream stream = gpu.Context.CreateStream();
        for (int i = 0; i < last; i++)
            gpu.Set(stream, y, 1);
        Assert.That(stream.Synchronize, Throws.Nothing);
        gpu.Set(stream, y, 1);
        CudaException lost = Assert.Throws<CudaException>(stream.Synchronize)!;
        Assert.That(lost.Result, Is.EqualTo(CudaResult.LaunchFailed));
        Assert.That(lost.Message, Does.Contain($"The GPU was lost after {last} operations"));
        Assert.That(gpu.Driver.Counters.TryGetValue("set", out Counters? counters) ? counters.Launches : 0, Is.EqualTo(last));
        foreach (Action call in new Action[] { () => gpu.Context.Allocate<uint>(1), gpu.Context.Synchronize, () => gpu.Set(stream, y, 1),
            () => gpu.Context.CreateStream() })
            Assert.That(call, Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result)).EqualTo(CudaResult.LaunchFailed));
    }

    [TestCase(CudaResult.IllegalAddress), TestCase(CudaResult.MisalignedAddress), TestCase(CudaResult.Unknown)]
    public void ItHasTheCodeThatIsAskedFor(CudaResult code)
    {
        using SmallGpu gpu = new(new SimulatedDeviceOptions { Workers = 1, LostAfterOperations = 0, LostCode = code });
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(32);
        using CudaStream stream = gpu.Context.CreateStream();
        gpu.Set(stream, y, 1);
        foreach (Action call in new Action[] { stream.Synchronize, () => gpu.Context.Allocate<uint>(1) })
            Assert.That(call, Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result)).EqualTo(code));
    }

    [Test]
    public void ANewContextDoesNotBringItBack()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { LostAfterOperations = 0 });
        CudaDevice device = CudaDevice.All(driver.Api)[0];
        using (CudaContext context = device.RetainPrimaryContext())
        {
            using CudaEvent mark = context.CreateEvent();
            mark.Record(context.DefaultStream);
            Assert.That(context.Synchronize, Throws.TypeOf<CudaException>());
        }
        CudaException lost = Assert.Throws<CudaException>(() => device.RetainPrimaryContext())!;
        Assert.That((lost.Result, lost.Finding),
            Is.EqualTo((CudaResult.LaunchFailed, "the GPU was lost; a new context does not bring it back")));
    }

    [Test]
    public void GraphsAndCopiesAreOperationsToo()
    {
        using SmallGpu gpu = new(new SimulatedDeviceOptions { Workers = 1, LostAfterOperations = 3 });
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(32);
        using CudaStream stream = gpu.Context.CreateStream();
        stream.BeginCapture();
        gpu.Set(stream, y, 1);
        gpu.Add(stream, y, 1);
        using CudaGraph graph = stream.EndCapture();
        using CudaGraphExecutable exec = graph.Instantiate();
        exec.Launch(stream);
        Assert.That(stream.Synchronize, Throws.Nothing, "the beginning of the graph and two kernels");
        Assert.That(() => y.ToArray(), Throws.TypeOf<CudaException>().With.Message.Contains("The GPU was lost after 3 operations"));
    }
}
