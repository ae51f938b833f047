namespace PerturbedForgetting.Tensors.Memory;

/// <summary>
/// A block of device memory, counted by its owners (a scope, the tape, a module). When the last one lets go it returns to the
/// allocator, and its generation moves on, so that a tensor that still points here is caught instead of reading another's data.
/// </summary>
sealed class Storage(CachingAllocator? allocator, nint pointer, long bytes, MemoryPool? pool = null)
{
    int owners;

    /// <summary>Address of the first byte. An arena switches the buffer its parameters view by changing this.</summary>
    public nint Pointer { get; internal set; } = pointer;

    public long Bytes { get; } = bytes;

    /// <summary>Where it returns to; none is the allocator's own.</summary>
    public MemoryPool? Pool => pool;

    /// <summary>What it was last handed out for, for the report when memory runs out.</summary>
    public (Shape Shape, DType Type) Purpose { get; set; }

    /// <summary>How often this block has been freed.</summary>
    public int Generation { get; private set; }

    /// <summary>Whether the caller is the only one who can see this block.</summary>
    public bool IsExclusive => Volatile.Read(ref owners) == 1;

    /// <summary>Whether somebody owns it.</summary>
    public bool IsLive => Volatile.Read(ref owners) > 0;

    public void Retain() => Interlocked.Increment(ref owners);

    public void Release()
    {
        int left = Interlocked.Decrement(ref owners);
        // A part of an arena belongs to the arena, whoever lets go of it.
        if (allocator is null)
            return;
        if (left < 0)
            throw new InvalidOperationException("A tensor's memory was released more often than it was retained.");
        if (left == 0)
        {
            Generation++;
            allocator.Recycle(this);
        }
    }

    internal void Revive() => owners = 1;
}
