using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>Marks a point of a stream.</summary>
public sealed unsafe class CudaEvent : CudaResource
{
    readonly nint handle;

    internal CudaEvent(CudaContext context, nint handle) : base(context) => this.handle = handle;

    /// <summary>The driver's handle (<c>CUevent</c>).</summary>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return handle;
        }
    }

    /// <summary>Marks what is on the stream now.</summary>
    public void Record(CudaStream stream)
    {
        Use();
        Api.Check(Api.Call.EventRecord(handle, stream.Handle));
    }

    /// <summary>Whether what it marks is done.</summary>
    public bool IsCompleted
    {
        get
        {
            Use();
            CudaResult result = Api.Call.EventQuery(handle);
            if (result != CudaResult.NotReady)
                Api.Check(result, nameof(Api.Call.EventQuery));
            return result == CudaResult.Success;
        }
    }

    /// <summary>Waits for what it marks.</summary>
    public void Synchronize()
    {
        Use();
        Api.Check(Api.Call.EventSynchronize(handle));
    }

    /// <summary>Milliseconds between two events with timing, both of which are done.</summary>
    public double MillisecondsSince(CudaEvent start)
    {
        Use();
        float milliseconds;
        Api.Check(Api.Call.EventElapsedTime(&milliseconds, start.Handle, handle));
        return milliseconds;
    }

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.EventDestroy(handle);
}
