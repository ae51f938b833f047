namespace PerturbedForgetting.Tensors.Memory;

/// <summary>Where an allocator gets raw memory.</summary>
interface IMemorySource
{
    /// <summary>Memory aligned to 64 bytes at least, of undefined content.</summary>
    /// <returns>False when there is not so much.</returns>
    bool TryAllocate(long bytes, out nint pointer);

    void Free(nint pointer);

    void Fill(nint pointer, long bytes, byte value);

    /// <summary>What is left, as a part of a sentence that begins with a comma; empty when nobody knows.</summary>
    string Room { get; }
}
