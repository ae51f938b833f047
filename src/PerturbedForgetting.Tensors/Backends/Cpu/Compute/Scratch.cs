using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>What a scratch buffer of a thread is for; each use has its own, so that they never overlap.</summary>
enum ScratchUse
{
    LeftPanels,
    RightPanels,
    SharedRight,
    Partials,
    Tile,
    Reduction,
    Scores,
    ScoreGradients,
    Gather,
    Band,
}

/// <summary>
/// Native buffers of the calling thread, 64-byte aligned, kept and reused between calls so that the hot path
/// allocates nothing. Contents are undefined. Freed when the thread ends.
/// </summary>
sealed unsafe class Scratch
{
    const int Alignment = 64;

    [ThreadStatic]
    static Scratch? t_scratch;

    readonly nint[] buffers = new nint[(int)ScratchUse.Band + 1];
    readonly nuint[] bytes = new nuint[(int)ScratchUse.Band + 1];

    ~Scratch()
    {
        foreach (nint buffer in buffers)
            NativeMemory.AlignedFree((void*)buffer);
    }

    /// <summary>A buffer of at least <paramref name="count"/> elements, valid until the next call with the same use.</summary>
    public static T* Get<T>(ScratchUse use, long count)
        where T : unmanaged
    {
        Scratch scratch = t_scratch ??= new Scratch();
        nuint bytes = checked((nuint)count * (nuint)sizeof(T));
        if (scratch.bytes[(int)use] < bytes)
            scratch.Grow((int)use, bytes);
        return (T*)scratch.buffers[(int)use];
    }

    void Grow(int use, nuint bytes)
    {
        NativeMemory.AlignedFree((void*)buffers[use]);
        buffers[use] = 0;
        this.bytes[use] = 0;
        buffers[use] = (nint)NativeMemory.AlignedAlloc(bytes, Alignment);
        this.bytes[use] = bytes;
    }
}
