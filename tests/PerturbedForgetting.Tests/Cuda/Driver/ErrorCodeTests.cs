using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>Every mistake of a host gets the code that the real driver gives, and never a crash.</summary>
sealed unsafe class ErrorCodeTests
{
    SmallGpu gpu = null!;

    ref readonly CudaDriverTable Api => ref gpu.Api.Call;

    [SetUp]
    public void Open() => gpu = new SmallGpu();

    [TearDown]
    public void Close() => gpu.Dispose();

    [Test]
    public void NullPointersAreInvalidValues()
    {
        CudaResult[] results =
        [
            Api.DeviceGetCount(null), Api.DeviceGet(null, 0), Api.DriverGetVersion(null),
                Api.DeviceGetAttribute(null, CudaDeviceAttribute.WarpSize, gpu.Device.Handle),
            Api.DeviceTotalMem(null, gpu.Device.Handle), Api.DeviceGetName(null, 8, gpu.Device.Handle),
            Api.DeviceGetPciBusId(null, 8, gpu.Device.Handle), Api.DevicePrimaryCtxRetain(null, gpu.Device.Handle),
            Api.ModuleLoadDataEx(null, null, 0, null, null), Api.ModuleGetFunction(null, 0, null),
            Api.FuncGetAttribute(null, CudaFunctionAttribute.Registers, 0), Api.MemGetInfo(null, null), Api.MemAlloc(null, 16),
            Api.MemHostAlloc(null, 16, 0),
            Api.MemFreeHost(null),
            Api.StreamCreateWithPriority(null, 0, 0), Api.EventCreate(null, 0), Api.EventElapsedTime(null, 0, 0),
            Api.StreamEndCapture(0, null),
            Api.GraphGetNodes(0, null, null), Api.GraphInstantiate(null, 0, 0),
            Api.MemcpyHtoD(0, null, 4), Api.MemcpyDtoH(null, 0, 4), Api.MemsetD8Async(0, 0, 4, 0),
            Api.GetErrorString(CudaResult.Success, null),
        ];
        Assert.That(results, Is.All.EqualTo(CudaResult.InvalidValue));
    }

    [TestCase(0), TestCase(12345), TestCase(-1)]
    public void NumbersThatAreNoHandlesAreInvalidHandles(int number)
    {
        nint handle = number, made = 0;
        int value;
        nuint count;
        float milliseconds;
        byte name = 0;
        CudaResult[] results =
        [
            Api.ModuleUnload(handle), Api.ModuleGetFunction(&made, handle, &name),
            Api.FuncGetAttribute(&value, CudaFunctionAttribute.Registers, handle),
            Api.FuncSetAttribute(handle, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, 1),
            Api.LaunchKernel(handle, 1, 1, 1, 1, 1, 1, 0, 0, null, null),
            Api.StreamDestroy(handle), Api.EventDestroy(handle), Api.EventRecord(handle, 0), Api.EventSynchronize(handle),
            Api.EventElapsedTime(&milliseconds, handle, handle), Api.StreamWaitEvent(0, handle, 0), Api.GraphGetNodes(handle, null, &count),
            Api.GraphInstantiate(&made, handle, 0), Api.GraphLaunch(handle, 0), Api.GraphExecDestroy(handle),
            Api.GraphDestroy(handle),
        ];
        Assert.That(results, Is.All.EqualTo(CudaResult.InvalidHandle));
        if (number != 0)
            Assert.That(Api.StreamSynchronize(handle), Is.EqualTo(CudaResult.InvalidHandle), "0 is the default stream");
    }

    [Test]
    public void DestroyedHandlesAreInvalidHandles()
    {
        nint stream, mark;
        Assert.That(Api.StreamCreateWithPriority(&stream, CudaStreamFlags.NonBlocking, 0), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.EventCreate(&mark, 0), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.StreamDestroy(stream), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.EventDestroy(mark), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.StreamDestroy(stream), Is.EqualTo(CudaResult.InvalidHandle));
        Assert.That(Api.StreamSynchronize(stream), Is.EqualTo(CudaResult.InvalidHandle));
        Assert.That(Api.EventRecord(mark, 0), Is.EqualTo(CudaResult.InvalidHandle));
        CudaKernel kernel = gpu.Module.GetKernel("small");
        gpu.Module.Dispose();
        Assert.That(Api.LaunchKernel(kernel.Handle, 1, 1, 1, 32, 1, 1, 0, 0, null, null), Is.EqualTo(CudaResult.InvalidHandle));
        Assert.That(() => kernel.Launch(gpu.Context.DefaultStream, 1, 32, 0), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void ContextsAndDevices()
    {
        int handle;
        nint context;
        Assert.That(Api.DeviceGet(&handle, 1), Is.EqualTo(CudaResult.InvalidDevice));
        Assert.That(Api.DevicePrimaryCtxRetain(&context, 1_000_000), Is.EqualTo(CudaResult.InvalidDevice));
        Assert.That(Api.CtxSetCurrent(77), Is.EqualTo(CudaResult.InvalidContext));
        Assert.That(Api.Init(1), Is.EqualTo(CudaResult.InvalidValue));
        ulong address;
        Assert.That(Api.CtxSetCurrent(0), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.MemAlloc(&address, 16), Is.EqualTo(CudaResult.InvalidContext));
        Assert.That(Api.CtxSetCurrent(gpu.Context.Handle), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.DevicePrimaryCtxRelease(gpu.Device.Handle), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.MemAlloc(&address, 16), Is.EqualTo(CudaResult.ContextIsDestroyed));
    }

    [Test]
    public void NothingWorksBeforeInitOrAfterTheEnd()
    {
        using var driver = new SimulatedDriver();
        int number;
        nint context;
        Assert.That(driver.Api.Call.DriverGetVersion(&number), Is.EqualTo(CudaResult.Success));
        Assert.That(driver.Api.Call.DeviceGetCount(&number), Is.EqualTo(CudaResult.NotInitialized));
        int device = CudaDevice.All(driver.Api)[0].Handle;
        driver.Dispose();
        Assert.That(driver.Api.Call.DevicePrimaryCtxRetain(&context, device), Is.EqualTo(CudaResult.Deinitialized));
    }

    [Test]
    public void Memory()
    {
        ulong address, inside;
        byte[] host = new byte[64];
        Assert.That(Api.MemAlloc(&address, 0), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemAlloc(&address, (nuint)(gpu.Device.TotalMemory + 1)), Is.EqualTo(CudaResult.OutOfMemory));
        Assert.That(Api.MemAlloc(&address, nuint.MaxValue), Is.EqualTo(CudaResult.OutOfMemory));
        Assert.That(Api.MemAlloc(&address, 64), Is.EqualTo(CudaResult.Success));
        Assert.That(address % 256, Is.Zero);
        fixed (byte* pointer = host)
        {
            inside = address + 1;
            Assert.That(Api.MemcpyHtoD(inside, pointer, 64), Is.EqualTo(CudaResult.InvalidValue), "one byte too far");
            Assert.That(gpu.Api.LastFinding!(), Does.Contain("1 bytes past the end"));
            Assert.That(Api.MemcpyHtoD(address, pointer, 64), Is.EqualTo(CudaResult.Success));
            Assert.That(gpu.Api.LastFinding!(), Is.Null);
            Assert.That(Api.MemcpyDtoH(pointer, address + 64, 1), Is.EqualTo(CudaResult.InvalidValue));
            Assert.That(Api.MemcpyHtoD(address, pointer, 0), Is.EqualTo(CudaResult.Success));
        }
        Assert.That(Api.MemsetD32Async(address + 2, 1, 1, 0), Is.EqualTo(CudaResult.InvalidValue), "not a multiple of 4");
        Assert.That(Api.MemsetD32Async(address, 1, nuint.MaxValue / 2, 0), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemFree(inside), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemFree(address), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.MemFree(address), Is.EqualTo(CudaResult.InvalidValue), "freed twice");
        Assert.That(Api.MemFree(0), Is.EqualTo(CudaResult.Success));
    }

    [Test]
    public void PinnedMemory()
    {
        byte[] host = new byte[64];
        void* pinned;
        fixed (byte* pointer = host)
            Assert.That(Api.MemFreeHost(pointer), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemHostAlloc(&pinned, 0, 0), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemHostAlloc(&pinned, 16, (CudaHostFlags)64), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.MemHostAlloc(&pinned, 16, CudaHostFlags.WriteCombined), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.MemFreeHost(pinned), Is.EqualTo(CudaResult.Success));
        Assert.That(Api.MemFreeHost(pinned), Is.EqualTo(CudaResult.InvalidValue));
    }

    [Test]
    public void Flags()
    {
        nint made;
        Assert.That(Api.StreamCreateWithPriority(&made, (CudaStreamFlags)2, 0), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.EventCreate(&made, (CudaEventFlags)4), Is.EqualTo(CudaResult.InvalidValue), "interprocess events have no timing");
        Assert.That(Api.EventCreate(&made, (CudaEventFlags)8), Is.EqualTo(CudaResult.InvalidValue));
        int value;
        Assert.That(Api.DeviceGetAttribute(&value, (CudaDeviceAttribute)9999, gpu.Device.Handle), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(Api.FuncGetAttribute(&value, (CudaFunctionAttribute)9999, gpu.Module.GetKernel("set").Handle),
            Is.EqualTo(CudaResult.InvalidValue));
    }

    [Test]
    public void EventsWithoutTimesHaveNone()
    {
        using CudaEvent untimed = gpu.Context.CreateEvent(), timed = gpu.Context.CreateEvent(CudaEventFlags.Default);
        untimed.Record(gpu.Context.DefaultStream);
        float milliseconds;
        Assert.That(Api.EventElapsedTime(&milliseconds, timed.Handle, timed.Handle), Is.EqualTo(CudaResult.InvalidHandle),
            "never recorded");
        Assert.That(Api.EventElapsedTime(&milliseconds, untimed.Handle, untimed.Handle), Is.EqualTo(CudaResult.InvalidHandle));
        timed.Record(gpu.Context.DefaultStream);
        Assert.That(Api.EventElapsedTime(&milliseconds, timed.Handle, timed.Handle), Is.EqualTo(CudaResult.NotReady));
        timed.Synchronize();
        Assert.That(timed.MillisecondsSince(timed), Is.Zero);
    }

    [Test]
    public void TextsOfCodesComeFromTheDriver()
    {
        byte* text;
        Assert.That(Api.GetErrorString(CudaResult.OutOfMemory, &text), Is.EqualTo(CudaResult.Success));
        Assert.That(System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)text), Is.EqualTo("out of memory"));
        Assert.That(Api.GetErrorString((CudaResult)4711, &text), Is.EqualTo(CudaResult.InvalidValue));
        Assert.That(text is null);
    }
}
