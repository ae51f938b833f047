using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>Graphs by capture, and every way to misuse a capture.</summary>
[TestFixture(null), TestFixture(1), TestFixture(2), TestFixture(3)]
sealed unsafe class GraphTests(int? seed)
{
    const int Count = 32;

    SmallGpu gpu = null!;
    CudaStream first = null!, second = null!;
    DeviceBuffer<uint> x = null!, y = null!;
    CudaEvent mark = null!, back = null!;

    ref readonly CudaDriverTable Api => ref gpu.Api.Call;

    [SetUp]
    public void Open()
    {
        gpu = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        (first, second) = (gpu.Context.CreateStream(), gpu.Context.CreateStream());
        (x, y) = (gpu.Context.Allocate<uint>(Count), gpu.Context.Allocate<uint>(Count));
        (mark, back) = (gpu.Context.CreateEvent(), gpu.Context.CreateEvent());
        x.Upload(new uint[Count]);
        y.Upload(new uint[Count]);
    }

    [TearDown]
    public void Close() => gpu.Dispose();

    [Test]
    public void ACaptureRunsNothingAndEachLaunchAll()
    {
        first.BeginCapture();
        gpu.Add(first, x, 2);
        gpu.Copy(first, y, x);
        using CudaGraph graph = first.EndCapture();
        Assert.That(graph.NodeCount, Is.EqualTo(2));
        using CudaGraphExecutable ready = graph.Instantiate();
        gpu.Context.Synchronize();
        Assert.That(x.ToArray(), Is.All.EqualTo(0));
        for (int i = 0; i < 3; i++)
            ready.Launch(first);
        first.Synchronize();
        Assert.That(y.ToArray(), Is.All.EqualTo(6));
    }

    [Test]
    public void ASideStreamBecomesABranch()
    {
        CudaGraph graph = Forked(join: true);
        using CudaGraphExecutable ready = graph.Instantiate();
        graph.Dispose();
        for (int i = 1; i <= 2; i++)
        {
            ready.Launch(first);
            first.Synchronize();
            Assert.That(x.ToArray(), Is.All.EqualTo(11), "1, then 10 more behind the side branch");
            Assert.That(y.ToArray(), Is.All.EqualTo(1));
        }
    }

    [Test]
    public void AMissingOrderInsideAGraphIsFound()
    {
        first.BeginCapture();
        mark.Record(first);
        second.Wait(mark);
        gpu.Set(first, x, 1);
        gpu.Copy(second, y, x);
        back.Record(second);
        first.Wait(back);
        using CudaGraphExecutable ready = first.EndCapture().Instantiate();
        ready.Launch(first);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void TwoLaunchesOnTwoStreamsAreUnordered()
    {
        first.BeginCapture();
        gpu.Add(first, x, 1);
        using CudaGraphExecutable ready = first.EndCapture().Instantiate();
        ready.Launch(first);
        ready.Launch(second);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void CapturesThatCannotBeginOrEnd()
    {
        nint graph;
        Assert.That(Api.StreamBeginCapture(0, CudaCaptureMode.Global), Is.EqualTo(CudaResult.StreamCaptureUnsupported));
        Assert.That(Api.StreamBeginCapture(first.Handle, (CudaCaptureMode)7), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.StreamEndCapture(first.Handle, &graph), Is.EqualTo(CudaResult.IllegalState));
        first.BeginCapture();
        Assert.That(Api.StreamBeginCapture(first.Handle, CudaCaptureMode.Global), Is.EqualTo(CudaResult.IllegalState));
        mark.Record(first);
        second.Wait(mark);
        Assert.That(Api.StreamEndCapture(second.Handle, &graph), Is.EqualTo(CudaResult.StreamCaptureUnmatched));
    }

    [Test]
    public void ASideStreamThatIsNotJoined()
    {
        Assert.That(() => Forked(join: false), Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result))
            .EqualTo(CudaResult.StreamCaptureUnjoined));
        // Neither is captured any more.
        first.Synchronize();
        second.Synchronize();
    }

    [Test]
    public void AnotherThreadCannotEndIt()
    {
        first.BeginCapture();
        CudaResult result = CudaResult.Success;
        var other = new Thread(() =>
        {
            nint graph;
            Api.CtxSetCurrent(gpu.Context.Handle);
            result = Api.StreamEndCapture(first.Handle, &graph);
        });
        other.Start();
        other.Join();
        Assert.That(result, Is.EqualTo(CudaResult.StreamCaptureWrongThread));
        first.EndCapture().Dispose();
    }

    [TestCase(CudaResult.StreamCaptureUnsupported, "wait for the stream")]
    [TestCase(CudaResult.StreamCaptureUnsupported, "wait for the device")]
    [TestCase(CudaResult.StreamCaptureUnsupported, "allocate")]
    [TestCase(CudaResult.StreamCaptureUnsupported, "free")]
    [TestCase(CudaResult.StreamCaptureUnsupported, "copy at once")]
    [TestCase(CudaResult.StreamCaptureUnsupported, "destroy the stream")]
    [TestCase(CudaResult.StreamCaptureIsolation, "wait for an outside event")]
    [TestCase(CudaResult.CapturedEvent, "wait for a captured event")]
    [TestCase(CudaResult.StreamCaptureMerge, "join another capture")]
    public void ForbiddenCallsSpoilTheCapture(CudaResult expected, string what)
    {
        using CudaEvent outside = gpu.Context.CreateEvent();
        gpu.Add(second, y, 1);
        outside.Record(second);
        first.BeginCapture(CudaCaptureMode.Global);
        mark.Record(first);
        ulong address;
        uint word = 0;
        CudaResult result = what switch
        {
            "wait for the stream" => Api.StreamSynchronize(first.Handle),
            "wait for the device" => Api.CtxSynchronize(),
            "allocate" => Api.MemAlloc(&address, 16),
            "free" => Api.MemFree(x.Pointer.Address),
            "copy at once" => Api.MemcpyHtoD(x.Pointer.Address, &word, 4),
            "destroy the stream" => Api.StreamDestroy(first.Handle),
            "wait for an outside event" => Api.StreamWaitEvent(first.Handle, outside.Handle, 0),
            "wait for a captured event" => Api.EventSynchronize(mark.Handle),
            _ => JoinAnotherCapture(),
        };
        Assert.That(result, Is.EqualTo(expected));
        nint graph = 1;
        Assert.That(Api.StreamEndCapture(first.Handle, &graph), Is.EqualTo(CudaResult.StreamCaptureInvalidated));
        Assert.That(graph, Is.EqualTo((nint)0));
    }

    [Test]
    public void ARelaxedCaptureLetsAllocate()
    {
        first.BeginCapture(CudaCaptureMode.Relaxed);
        using DeviceBuffer<uint> made = gpu.Context.Allocate<uint>(4);
        first.EndCapture().Dispose();
    }

    [Test]
    public void TheDefaultStreamWouldWaitForACapturedOne()
    {
        using CudaStream blocking = gpu.Context.CreateStream(CudaStreamFlags.Default);
        blocking.BeginCapture(CudaCaptureMode.Relaxed);
        Assert.That(Api.MemsetD32Async(x.Pointer.Address, 1, 1, 0), Is.EqualTo(CudaResult.StreamCaptureImplicit));
        nint graph;
        Assert.That(Api.StreamEndCapture(blocking.Handle, &graph), Is.EqualTo(CudaResult.StreamCaptureInvalidated));
    }

    [Test]
    public void AnEventOfAnEndedCaptureCannotBeWaitedFor()
    {
        first.BeginCapture();
        mark.Record(first);
        first.EndCapture().Dispose();
        Assert.That(Api.StreamWaitEvent(second.Handle, mark.Handle, 0), Is.EqualTo(CudaResult.CapturedEvent));
        mark.Record(first);
        Assert.That(Api.StreamWaitEvent(second.Handle, mark.Handle, 0), Is.EqualTo(CudaResult.Success));
    }

    CudaResult JoinAnotherCapture()
    {
        second.BeginCapture(CudaCaptureMode.Global);
        back.Record(second);
        return Api.StreamWaitEvent(first.Handle, back.Handle, 0);
    }

    // x = 1; then y = x on a side stream; then x += 10.
    CudaGraph Forked(bool join)
    {
        first.BeginCapture();
        gpu.Set(first, x, 1);
        mark.Record(first);
        second.Wait(mark);
        gpu.Copy(second, y, x);
        back.Record(second);
        if (join)
            first.Wait(back);
        gpu.Add(first, x, 10);
        return first.EndCapture();
    }
}
