using System.Runtime.InteropServices;

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

/// <summary>Memory of the process, outside the garbage-collected heap.</summary>
unsafe sealed class NativeMemorySource : IMemorySource
{
    public bool TryAllocate(long bytes, out nint pointer)
    {
        try
        {
            pointer = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);
            return true;
        }
        catch (OutOfMemoryException)
        {
            pointer = 0;
            return false;
        }
    }

    public void Free(nint pointer) => NativeMemory.AlignedFree((void*)pointer);

    public void Fill(nint pointer, long bytes, byte value) => NativeMemory.Fill((void*)pointer, (nuint)bytes, value);

    public string Room => "";
}
