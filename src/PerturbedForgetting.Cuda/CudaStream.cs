using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A queue of a device: what is put on it runs in order, beside other streams.</summary>
public sealed unsafe class CudaStream : CudaHandle
{
    const string CopyName = "copy on the device", UploadName = "copy to the device", DownloadName = "copy to the host", FillName = "fill";

    internal CudaStream(CudaContext context, nint handle) : base(context, handle)
    {
    }

    /// <summary>Sees every launch of a kernel and of a library's operation; null, the usual, costs a branch.</summary>
    public ILaunchObserver? Observer { get; set; }

    /// <summary>
    /// Tells the observer, if there is one, what the next launch costs at the least: bytes of device memory that are loaded and stored,
    /// and floating-point operations.
    /// </summary>
    /// <returns>The stream, for the launch.</returns>
    public CudaStream Moving(long loaded, long stored, long operations = 0)
    {
        Observer?.Costs(new LaunchCost(loaded, stored, operations));
        return this;
    }

    /// <summary>Waits until everything on it is done.</summary>
    /// <exception cref="CudaException">Something on it failed.</exception>
    public void Synchronize()
    {
        Use();
        Api.Check(Api.Call.StreamSynchronize(handle));
    }

    /// <summary>What is put on the stream from now on starts after what the event marks.</summary>
    public void Wait(CudaEvent waited)
    {
        Use();
        Api.Check(Api.Call.StreamWaitEvent(handle, waited.Handle, 0));
    }

    /// <summary>Copies bytes within the device's memory.</summary>
    public void Copy(DevicePointer destination, DevicePointer source, long bytes)
    {
        Use();
        Announce(CopyName, bytes, bytes);
        Api.Check(Api.Call.MemcpyDtoDAsync(destination.Address, source.Address, (nuint)bytes, handle));
        Observer?.Launched(this, CopyName);
    }

    /// <summary>Copies host memory to the device, in the stream's own time: memory that is pinned must stay as it is until then. Of memory
    /// that is not, the driver makes a copy of its own first, and it cannot be captured.</summary>
    public void Upload(DevicePointer destination, void* source, long bytes)
    {
        Use();
        Announce(UploadName, 0, bytes);
        Api.Check(Api.Call.MemcpyHtoDAsync(destination.Address, source, (nuint)bytes, handle));
        Observer?.Launched(this, UploadName);
    }

    /// <summary>Copies from the device to host memory, in the stream's own time: the host waits before it reads the memory, or lets go of
    /// it. Memory that is not pinned cannot be captured.</summary>
    public void Download(void* destination, DevicePointer source, long bytes)
    {
        Use();
        Announce(DownloadName, bytes, 0);
        Api.Check(Api.Call.MemcpyDtoHAsync(destination, source.Address, (nuint)bytes, handle));
        Observer?.Launched(this, DownloadName);
    }

    /// <summary>Sets bytes.</summary>
    public void FillBytes(DevicePointer destination, byte value, long count)
    {
        Use();
        Announce(FillName, 0, count);
        Api.Check(Api.Call.MemsetD8Async(destination.Address, value, (nuint)count, handle));
        Observer?.Launched(this, FillName);
    }

    /// <summary>Sets words of 32 bits.</summary>
    public void FillWords(DevicePointer destination, uint value, long count)
    {
        Use();
        Announce(FillName, 0, count * sizeof(uint));
        Api.Check(Api.Call.MemsetD32Async(destination.Address, value, (nuint)count, handle));
        Observer?.Launched(this, FillName);
    }

    /// <summary>From now on, work on this stream is recorded into a graph instead of run.</summary>
    public void BeginCapture(CudaCaptureMode mode = CudaCaptureMode.ThreadLocal)
    {
        Use();
        Api.Check(Api.Call.StreamBeginCapture(handle, mode));
    }

    /// <summary>Ends the recording.</summary>
    /// <exception cref="CudaException">Something forbidden happened meanwhile; nothing was recorded.</exception>
    public CudaGraph EndCapture()
    {
        Use();
        nint graph = 0;
        CudaResult result = Api.Call.StreamEndCapture(handle, &graph);
        if (result != CudaResult.Success && graph != 0)
            Api.Call.GraphDestroy(graph);
        Api.Check(result, nameof(Api.Call.StreamEndCapture));
        return new CudaGraph(Context, graph);
    }

    void Announce(string name, long loaded, long stored) => Moving(loaded, stored).Observer?.Launching(this, name);

    /// <inheritdoc/>
    protected override CudaResult Release() => handle == 0 ? CudaResult.Success : Api.Call.StreamDestroy(handle);
}
