using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Local memory of the threads of a block, one piece a thread, with a mark for every byte that was written.</summary>
sealed unsafe class LocalMemory : IDisposable
{
    readonly int threads;
    readonly byte* data, written;

    public LocalMemory(int bytes, int threads)
    {
        // Pieces are aligned like an allocation, so that a variable is as aligned as it is declared.
        Bytes = (bytes + 15) & ~15;
        this.threads = threads;
        if (bytes == 0)
            return;
        data = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes * (nuint)threads, 256);
        written = (byte*)NativeMemory.AllocZeroed((nuint)Bytes * (nuint)threads);
    }

    /// <summary>Bytes of a thread.</summary>
    public int Bytes { get; }

    public byte* Data(int thread) => data + ((nint)Bytes * thread);

    public byte* Written(int thread) => written + ((nint)Bytes * thread);

    /// <summary>Forgets what the last block wrote.</summary>
    public void NextBlock()
    {
        if (Bytes > 0)
            NativeMemory.Clear(written, (nuint)Bytes * (nuint)threads);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(data);
        NativeMemory.Free(written);
    }
}
