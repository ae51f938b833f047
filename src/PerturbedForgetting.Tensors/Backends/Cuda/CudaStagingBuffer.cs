using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Device memory that one stream fills and another reads, each told by an event when it may.</summary>
sealed class CudaStagingBuffer : StagingBuffer
{
    readonly CudaStream computation, copies;
    readonly CudaEvent filled, free;

    public CudaStagingBuffer(Tensor content, CudaStream computation, CudaStream copies) : base(content)
    {
        (this.computation, this.copies) = (computation, copies);
        (filled, free) = (computation.Context.CreateEvent(), computation.Context.CreateEvent());
        // The allocator may have taken the memory from work that the computation has yet to do.
        free.Record(computation);
    }

    public override bool IsBesideComputation => true;

    public override void Begin(HostBuffer source, long bytes)
    {
        if (source is not PinnedHostBuffer pinned)
            throw new ArgumentException($"Host memory for {Content.Device} is allocated for it: use HostBuffer.Allocate with that device.");
        copies.Wait(free);
        pinned.Send(copies, new((ulong)Content.Address), bytes);
        filled.Record(copies);
    }

    public override void Await() => computation.Wait(filled);

    public override void Release() => free.Record(computation);

    public override void Dispose()
    {
        try
        {
            // Whoever gets the memory next computes behind a copy that is still in flight.
            Await();
        }
        catch (CudaException)
        {
            // The device is lost; whoever computes on it has been told.
        }
        base.Dispose();
        filled.Dispose();
        free.Dispose();
    }
}
