using System.Numerics;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Memory;

/// <summary>Bytes of a device, as its allocator counts them.</summary>
/// <param name="Live">Held by tensors now.</param>
/// <param name="Peak">The most that was live at once since the start or the last reset.</param>
/// <param name="Cached">Free, kept for reuse.</param>
public readonly record struct MemoryCounters(long Live, long Peak, long Cached);

/// <summary>Where an allocator gets raw memory.</summary>
interface IMemorySource
{
    /// <summary>Memory aligned to 64 bytes at least, of undefined content.</summary>
    nint Allocate(long bytes);

    void Free(nint pointer);
}

/// <summary>Memory of the process, outside the garbage-collected heap.</summary>
unsafe sealed class NativeMemorySource : IMemorySource
{
    public nint Allocate(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    public void Free(nint pointer) => NativeMemory.AlignedFree((void*)pointer);
}

/// <summary>
/// Keeps freed blocks for reuse. Sizes are rounded up to one of four steps per power of two (at most 25 % more), at least 512
/// bytes, so a training step finds every block of the step before it. With the environment variable
/// PERTURBED_FORGETTING_POISON=1 every block is filled with NaN bit patterns before it is handed out, which shows any kernel
/// that reads what it has not written.
/// </summary>
sealed class CachingAllocator(IMemorySource source)
{
    static readonly bool Poison = Environment.GetEnvironmentVariable("PERTURBED_FORGETTING_POISON") == "1";

    readonly Dictionary<long, Stack<Storage>> free = [];
    readonly Lock gate = new();
    long live, peak, cached;

    public MemoryCounters Counters
    {
        get { lock (gate) return new(live, peak, cached); }
    }

    public void ResetPeak()
    {
        lock (gate) peak = live;
    }

    /// <summary>A block with one owner.</summary>
    public Storage Allocate(long bytes)
    {
        long size = RoundUp(bytes);
        Storage? storage = null;
        lock (gate)
        {
            live += size;
            peak = Math.Max(peak, live);
            if (free.TryGetValue(size, out var blocks) && blocks.TryPop(out storage))
                cached -= size;
        }
        try
        {
            storage ??= new Storage(this, source.Allocate(size), size);
        }
        catch (OutOfMemoryException)
        {
            lock (gate) live -= size;
            throw new OutOfMemoryException($"No memory for a tensor of {size / 1048576.0:F1} MiB ({Counters.Live / 1048576.0:F1} MiB are in use). "
                + "Use a smaller --batch-size with a larger --grad-accum-steps, or a smaller --img-size.");
        }
        storage.Revive();
        if (Poison)
            unsafe { new Span<byte>((void*)storage.Pointer, (int)Math.Min(size, int.MaxValue)).Fill(0xFF); }
        return storage;
    }

    internal void Recycle(Storage storage)
    {
        lock (gate)
        {
            live -= storage.Bytes;
            cached += storage.Bytes;
            if (!free.TryGetValue(storage.Bytes, out var blocks))
                free.Add(storage.Bytes, blocks = new Stack<Storage>());
            blocks.Push(storage);
        }
    }

    public void Trim()
    {
        lock (gate)
        {
            foreach (var blocks in free.Values)
            {
                foreach (var storage in blocks)
                    source.Free(storage.Pointer);
                blocks.Clear();
            }
            cached = 0;
        }
    }

    internal static long RoundUp(long bytes)
    {
        if (bytes <= 512)
            return 512;
        long step = 1L << (BitOperations.Log2((ulong)(bytes - 1)) - 2);
        return (bytes + step - 1) / step * step;
    }
}
