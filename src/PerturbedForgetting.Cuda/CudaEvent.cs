using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>Marks a point of a stream.</summary>
public sealed unsafe class CudaEvent : CudaHandle
{
    internal CudaEvent(CudaContext context, nint handle) : base(context, handle)
    {
    }

    /// <summary>Marks what is on the stream now.</summary>
    public void Record(CudaStream stream)
    {
        Use();
        Api.Check(Api.Call.EventRecord(handle, stream.Handle));
    }

    /// <summary>While the stream is captured: each launch of the graph marks the point that the stream has reached here.</summary>
    public void RecordInGraph(CudaStream stream)
    {
        const uint external = 1;
        Use();
        Api.Check(Api.Call.EventRecordWithFlags(handle, stream.Handle, external));
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
