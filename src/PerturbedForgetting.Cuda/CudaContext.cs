using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A device's primary context: what modules, memory and streams belong to. A context is current on a thread; every member
/// of this layer sees to that itself.</summary>
public sealed unsafe class CudaContext : IDisposable
{
    [ThreadStatic] static CudaContext? current;

    bool isDisposed;

    internal CudaContext(CudaDevice device)
    {
        Device = device;
        nint handle;
        Api.Check(Api.Call.DevicePrimaryCtxRetain(&handle, device.Handle));
        Handle = handle;
        MakeCurrent();
        DefaultStream = new CudaStream(this, handle: 0);
    }

    /// <summary>The device.</summary>
    public CudaDevice Device { get; }

    /// <summary>The driver's handle (<c>CUcontext</c>).</summary>
    public nint Handle { get; }

    /// <summary>The stream that orders itself with all streams but the non-blocking ones.</summary>
    public CudaStream DefaultStream { get; }

    /// <summary>The driver behind it.</summary>
    public CudaDriverApi Api => Device.Api;

    /// <summary>Whether it was released.</summary>
    public bool IsDisposed => isDisposed;

    /// <summary>Makes the context current on this thread; costs nothing when it is.</summary>
    public void MakeCurrent()
    {
        if (current == this)
            return;
        ObjectDisposedException.ThrowIf(isDisposed, this);
        Api.Check(Api.Call.CtxSetCurrent(Handle));
        current = this;
    }

    /// <summary>Waits for everything that was started in the context.</summary>
    /// <exception cref="CudaException">Something that was started failed.</exception>
    public void Synchronize()
    {
        MakeCurrent();
        Api.Check(Api.Call.CtxSynchronize());
    }

    /// <summary>Free and total memory of the device in bytes.</summary>
    public (long Free, long Total) MemoryInfo
    {
        get
        {
            MakeCurrent();
            nuint free, total;
            Api.Check(Api.Call.MemGetInfo(&free, &total));
            return ((long)free, (long)total);
        }
    }

    /// <summary>Whether a fault has ended it, so that every call fails from now on. Does not wait.</summary>
    public bool IsLost
    {
        get
        {
            MakeCurrent();
            nuint free, total;
            return CudaErrors.IsSticky(Api.Call.MemGetInfo(&free, &total));
        }
    }

    /// <summary>A new stream.</summary>
    public CudaStream CreateStream(CudaStreamFlags flags = CudaStreamFlags.NonBlocking)
    {
        MakeCurrent();
        nint handle;
        Api.Check(Api.Call.StreamCreateWithPriority(&handle, flags, 0));
        return new CudaStream(this, handle);
    }

    /// <summary>A new event, which was not recorded yet.</summary>
    public CudaEvent CreateEvent(CudaEventFlags flags = CudaEventFlags.DisableTiming)
    {
        MakeCurrent();
        nint handle;
        Api.Check(Api.Call.EventCreate(&handle, flags));
        return new CudaEvent(this, handle);
    }

    /// <summary>Memory of the device, of undefined content.</summary>
    /// <exception cref="CudaException">There is not so much.</exception>
    public DeviceBuffer<T> Allocate<T>(long count) where T : unmanaged => new(this, count);

    /// <summary>Memory of the device that holds a copy of an array.</summary>
    public DeviceBuffer<T> Allocate<T>(ReadOnlySpan<T> content) where T : unmanaged
    {
        DeviceBuffer<T> buffer = new(this, content.Length);
        buffer.Upload(content);
        return buffer;
    }

    /// <summary>Pinned memory of the host, which streams copy from and to without waiting.</summary>
    public PinnedBuffer<T> AllocatePinned<T>(int count, CudaHostFlags flags = CudaHostFlags.None) where T : unmanaged =>
        new(this, count, flags);

    /// <summary>Loads a module.</summary>
    /// <param name="image">PTX text with a closing NUL byte, or a cubin.</param>
    /// <param name="name">What error messages call it: a file's name.</param>
    /// <param name="options">Options of the driver's compiler; null for the usual ones.</param>
    /// <exception cref="CudaException">The driver cannot load it; the message has the compiler's log.</exception>
    public CudaModule LoadModule(ReadOnlySpan<byte> image, string name, JitOptions? options = null) =>
        new(this, image, name, options ?? JitOptions.Default);

    /// <summary>Lets go of the primary context; the driver destroys it with everything in it when no one holds it any more.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        if (current == this)
        {
            current = null;
            Api.Call.CtxSetCurrent(0);
        }
        Api.Call.DevicePrimaryCtxRelease(Device.Handle);
    }
}
