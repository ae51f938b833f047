namespace PerturbedForgetting.Tensors.Memory;

/// <summary>
/// Device memory that host memory is copied to. On a GPU the copy runs beside the computation: <see cref="Begin"/> starts it,
/// <see cref="Await"/> lets the computation that is queued afterwards see it, <see cref="Release"/> says that the computation queued
/// so far was the last that reads it. None of them waits on the host.
/// </summary>
/// <param name="content">UInt8 [bytes], which this object owns. In this class, for devices without queues, copies are done at once.</param>
class StagingBuffer(Tensor content) : IDisposable
{
    /// <summary>UInt8 [bytes].</summary>
    public Tensor Content => content;

    /// <summary>Whether copies run beside the computation, so that one may begin while an earlier batch is still computed.</summary>
    public virtual bool IsBesideComputation => false;

    /// <summary>Copies the first bytes of host memory here. The host memory may be filled anew after
    /// <see cref="HostBuffer.WaitUntilRead"/>.</summary>
    public virtual void Begin(HostBuffer source, long bytes) =>
        content.Rows(0, checked((int)bytes)).CopyFrom<byte>(source.Span<byte>(0, checked((int)bytes)));

    /// <summary>Orders the computation queued from now on behind the copy.</summary>
    public virtual void Await()
    {
    }

    /// <summary>Orders the next copy behind the computation queued so far.</summary>
    public virtual void Release()
    {
    }

    /// <summary>Frees the memory; a copy in flight still goes into it.</summary>
    public virtual void Dispose() => content.Dispose();
}
