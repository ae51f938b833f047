using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The indices of a loop, dealt to threads ("affinity scheduling", Markatos and LeBlanc 1994). Each thread has a part of its own, the same
/// share of every loop, so that it mostly works on data that it has in its cache from the loop before. A thread whose part is done
/// helps the next ones, from the end that they come to last.
/// </summary>
sealed unsafe class LoopParts : IDisposable
{
    /// <summary>A thread takes at once this part of what is left of a part, in the end one index, so that all finish together.</summary>
    const int Shares = 8;

    // What several threads write lies on lines of its own (two, since processors fetch them in pairs).
    const int PartBytes = 128, PartLongs = PartBytes / sizeof(long);

    // Of each part the first index that is left, and above it the one behind the last.
    long* parts;
    int room;
    int count;

    ~LoopParts() => Free();

    /// <summary>Deals indices 0 to <paramref name="indices"/> - 1 to so many threads; nobody may take any meanwhile.</summary>
    public void Deal(int indices, int threads)
    {
        if (room < threads)
        {
            Free();
            parts = (long*)NativeMemory.AlignedAlloc((nuint)threads * PartBytes, PartBytes);
            room = threads;
        }
        count = threads;
        for (int i = 0; i < threads; i++)
            parts[i * PartLongs] = Pack((int)((long)i * indices / threads), (int)((i + 1L) * indices / threads));
    }

    /// <summary>Takes indices from <paramref name="first"/> to <paramref name="end"/> - 1 for a thread, of any number; false if none are
    /// left.</summary>
    public bool Take(int thread, out int first, out int end)
    {
        for (int i = 0; i < count; i++)
        {
            if (TakeOf(ref parts[(thread + i) % count * PartLongs], i > 0, out first, out end))
                return true;
        }
        (first, end) = (0, 0);
        return false;
    }

    /// <summary>Takes all that are left.</summary>
    public void Clear()
    {
        for (int i = 0; i < count; i++)
            Interlocked.Exchange(ref parts[i * PartLongs], 0);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    static bool TakeOf(ref long part, bool fromEnd, out int first, out int end)
    {
        long seen = Volatile.Read(ref part);
        while (true)
        {
            (first, end) = ((int)seen, (int)(seen >> 32));
            if (first >= end)
                return false;
            int some = Math.Max(1, (end - first) / Shares);
            long was = Interlocked.CompareExchange(ref part, fromEnd ? Pack(first, end - some) : Pack(first + some, end), seen);
            if (was == seen)
            {
                (first, end) = fromEnd ? (end - some, end) : (first, first + some);
                return true;
            }
            seen = was;
        }
    }

    static long Pack(int first, int end) => (uint)first | (long)end << 32;

    void Free()
    {
        NativeMemory.AlignedFree(parts);
        parts = null;
        room = 0;
    }
}
