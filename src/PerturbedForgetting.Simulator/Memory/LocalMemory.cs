using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Local memory of the threads of a block, one piece a thread. What was never written may be read, as compilers do ahead of the
/// branch that would use it, but is nothing to compute with: NaN.</summary>
sealed unsafe class LocalMemory : IDisposable
{
    readonly int threads;
    readonly byte* data;

    public LocalMemory(int bytes, int threads)
    {
        // Pieces are aligned like an allocation, so that a variable is as aligned as it is declared.
        Bytes = (bytes + 15) & ~15;
        this.threads = threads;
        if (bytes > 0)
            data = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes * (nuint)threads, 256);
    }

    /// <summary>Bytes of a thread.</summary>
    public int Bytes { get; }

    public byte* Data(int thread) => data + ((nint)Bytes * thread);

    /// <summary>Forgets what the last block wrote.</summary>
    public void NextBlock()
    {
        if (Bytes > 0)
            NativeMemory.Fill(data, (nuint)Bytes * (nuint)threads, 0xff);
    }

    public void Dispose() => NativeMemory.AlignedFree(data);
}
