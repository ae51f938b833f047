using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Who last wrote and read each word of 4 KB of global memory within a launch, as <see cref="AccessTag"/>s: one for a line of 128
/// bytes as long as warps touch it whole, one for each of its words otherwise.</summary>
sealed unsafe class AccessShadow : IDisposable
{
    public const int Shift = 12, Size = 1 << Shift, LineBytes = 128, LineShift = 7, Lines = Size / LineBytes;

    readonly long* lines = (long*)NativeMemory.AllocZeroed(2 * Lines, sizeof(long));
    long* words;
    int granuleShift = 2, gate;

    /// <summary>First tag of the launch that wrote here last, and that read here last.</summary>
    public long WrittenIn, ReadIn;

    /// <summary>Tags of the lines, by who wrote and who read.</summary>
    public long* LinesWritten => lines;

    /// <inheritdoc cref="LinesWritten"/>
    public long* LinesRead => lines + Lines;

    /// <summary>Tags of words (of parts of them in a launch that touches single bytes), by who wrote and who read; null until some words
    /// have tags of their own.</summary>
    public long* Written => words;

    /// <inheritdoc cref="Written"/>
    public long* Read => words + (Size >> granuleShift);

    /// <summary>Takes the shadow for one thread of the host.</summary>
    public void Enter()
    {
        var spin = new SpinWait();
        while (Interlocked.Exchange(ref gate, 1) != 0)
            spin.SpinOnce(-1);
    }

    public void Leave() => Volatile.Write(ref gate, 0);

    /// <summary>Makes a line's words have tags of their own.</summary>
    /// <param name="line">The line.</param>
    /// <param name="isWrite">Which of its tags.</param>
    /// <param name="first">First tag of the launch.</param>
    /// <param name="shift">Bytes that have a tag in this launch, as an exponent.</param>
    public void Expand(int line, bool isWrite, long first, int shift)
    {
        ref long tag = ref (isWrite ? LinesWritten : LinesRead)[line];
        if (words == null || granuleShift != shift)
            Allocate(shift);
        if (tag >= first && AccessTag.IsWords(tag))
            return;
        long old = tag;
        tag = first | AccessTag.Words;
        if (old < first)
            return;
        int each = LineBytes >> shift;
        long* to = (isWrite ? Written : Read) + (line * each);
        for (int w = 0; w < each; w++)
            to[w] = AccessTag.OfWord(old, w >> (2 - shift));
    }

    void Allocate(int shift)
    {
        NativeMemory.Free(words);
        granuleShift = shift;
        words = (long*)NativeMemory.AllocZeroed((nuint)(2 * (Size >> shift)), sizeof(long));
    }

    public void Dispose()
    {
        NativeMemory.Free(lines);
        NativeMemory.Free(words);
    }
}
