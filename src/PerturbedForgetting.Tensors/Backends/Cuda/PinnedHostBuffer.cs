using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Page-locked memory that a stream copies from in its own time; an event says when it has.</summary>
unsafe sealed class PinnedHostBuffer(PinnedBuffer<byte> memory) : HostBuffer(memory.Pointer, memory.Count)
{
    // A thread that waits sleeps: it has cores to leave to others.
    readonly CudaEvent read = memory.Context.CreateEvent(CudaEventFlags.DisableTiming | CudaEventFlags.BlockingSync);
    volatile bool isSent;

    /// <summary>Copies the first bytes.</summary>
    public void Send(CudaStream stream, DevicePointer destination, long bytes)
    {
        stream.Upload(destination, Pointer, bytes);
        read.Record(stream);
        isSent = true;
    }

    public override void WaitUntilRead()
    {
        if (!isSent)
            return;
        read.Synchronize();
        isSent = false;
    }

    internal override void Free()
    {
        try
        {
            WaitUntilRead();
        }
        catch (CudaException)
        {
            // The device is lost and reads nothing any more; whoever computes on it has been told.
        }
        read.Dispose();
        memory.Dispose();
    }
}
