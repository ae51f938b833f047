using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>
/// Pinned memory through which the host's values reach the device without the host waiting for it: they are copied here, and the
/// stream copies them on in its own time. Two halves take turns; only the host that comes back to a half before the stream has
/// emptied it waits.
/// </summary>
unsafe sealed class UploadRing : IDisposable
{
    const int HalfBytes = 4 << 20, Alignment = 16;

    readonly CudaStream stream;
    readonly PinnedBuffer<byte> memory;
    readonly CudaEvent[] emptied;
    readonly bool[] isUsed = new bool[2];
    int half, used;

    public UploadRing(CudaContext context, CudaStream stream)
    {
        this.stream = stream;
        memory = context.AllocatePinned<byte>(2 * HalfBytes);
        emptied = [context.CreateEvent(), context.CreateEvent()];
    }

    /// <summary>Copies to the device; the source may change as soon as this returns.</summary>
    public void Upload(DevicePointer destination, ReadOnlySpan<byte> source)
    {
        while (source.Length > 0)
        {
            if (used == HalfBytes || (used > 0 && used + source.Length > HalfBytes && source.Length <= HalfBytes))
                TurnOver();
            int count = Math.Min(source.Length, HalfBytes - used);
            byte* staged = memory.Pointer + (half * HalfBytes) + used;
            source[..count].CopyTo(new Span<byte>(staged, count));
            stream.Upload(destination, staged, count);
            destination += count;
            source = source[count..];
            used = Math.Min((used + count + Alignment - 1) / Alignment * Alignment, HalfBytes);
        }
    }

    void TurnOver()
    {
        emptied[half].Record(stream);
        isUsed[half] = true;
        (half, used) = (1 - half, 0);
        if (isUsed[half])
            emptied[half].Synchronize();
    }

    public void Dispose()
    {
        foreach (CudaEvent e in emptied)
            e.Dispose();
        memory.Dispose();
    }
}
