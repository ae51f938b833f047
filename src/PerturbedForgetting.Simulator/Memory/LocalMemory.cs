using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Local memory of the threads of a block, one piece a thread, with a mark for every byte that holds something. The others are
/// all ones, NaN.</summary>
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

    /// <summary>Whether any byte of a range holds nothing.</summary>
    public bool IsUndefined(int thread, long offset, int bytes) => Marks(thread, offset, bytes).Contains((byte)0);

    /// <summary>Says whether the bytes of a range hold something.</summary>
    public void Mark(int thread, long offset, int bytes, bool isDefined) =>
        Marks(thread, offset, bytes).Fill(isDefined ? (byte)1 : (byte)0);

    Span<byte> Marks(int thread, long offset, int bytes) => new(written + ((nint)Bytes * thread) + offset, bytes);

    /// <summary>Forgets what the last block wrote.</summary>
    public void NextBlock()
    {
        if (Bytes == 0)
            return;
        NativeMemory.Clear(written, (nuint)Bytes * (nuint)threads);
        NativeMemory.Fill(data, (nuint)Bytes * (nuint)threads, 0xff);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(data);
        NativeMemory.Free(written);
    }
}
