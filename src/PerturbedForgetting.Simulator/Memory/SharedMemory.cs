using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Why an access of shared memory is wrong, said of the place: "was written by warp 3 …".</summary>
readonly record struct SharedProblem(FaultKind Kind, string Text);

/// <summary>Shared memory of a block with the history that finds races: two threads that touch the same bytes, one of them writing, with no
/// barrier between that holds both. A tag, one for the last writer and one for the readers of each word, is the segment of the access (see
/// <see cref="ThreadOrder"/>), its flags, its warp and its lane; tags below the block's first were left by an earlier block.</summary>
sealed unsafe partial class SharedMemory : IDisposable
{
    const uint Lane = 31, SeveralLanes = AccessPattern.Several, Warp = 31 << WarpShift, SeveralWarps = 1 << 11;
    const uint Atomic = 1 << 12, Pending = 1 << 13, Split = 1 << 14, Flags = Atomic | Pending | Split;
    const int WarpShift = 6, SegmentShift = 15;
    const uint Segment = uint.MaxValue << SegmentShift;

    readonly byte* data;
    readonly int words;

    // Tags of bytes hold where the word's tag says Split: its bytes were last touched by different threads or at different times.
    readonly uint* writers, readers, byteWriters, byteReaders;

    // What the tags below mean to the warp whose turn it is: before all, before what this warp does.
    uint first, everything, whole, warpTag;

    public SharedMemory(int staticBytes, int dynamicBytes, int warps)
    {
        Order = new ThreadOrder(warps, Forget);
        Bytes = dynamicBytes == 0 ? staticBytes : ((staticBytes + 15) & ~15) + dynamicBytes;
        if (Bytes == 0)
            return;
        words = (Bytes + 3) / 4;
        data = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes + 64, 256);
        writers = (uint*)NativeMemory.AllocZeroed((nuint)words * 10, sizeof(uint));
        readers = writers + words;
        byteWriters = writers + (2 * words);
        byteReaders = writers + (6 * words);
    }

    /// <summary>Bytes that the block has.</summary>
    public int Bytes { get; }

    public byte* Data => data;

    /// <summary>The order of the block's threads.</summary>
    public ThreadOrder Order { get; }

    /// <summary>Another block begins: what earlier ones wrote counts as never written.</summary>
    public void NextBlock()
    {
        Order.NextBlock(Clear);
        first = (uint)Order.First << SegmentShift;
    }

    void Clear() => NativeMemory.Clear(writers, (nuint)words * 10 * sizeof(uint));

    // All that matters of the old tags is whether they were of this block.
    void Forget()
    {
        for (int t = 0; t < words * 10; t++)
            writers[t] = writers[t] >= first ? (1u << SegmentShift) | (writers[t] & ~Segment) : 0;
        first = 1u << SegmentShift;
    }

    /// <summary>The warp's turn begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Enter(int warp)
    {
        everything = (uint)(Order.Everything + 1) << SegmentShift;
        whole = (uint)(Order.Whole(warp) + 1) << SegmentShift;
        warpTag = ((uint)Order.Now(warp) << SegmentShift) | ((uint)warp << WarpShift);
    }

    /// <summary>Whether an access is before the one of <paramref name="own"/>; the quick part of the rules.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool IsBefore(uint tag, uint own) =>
        tag < everything
        || (((tag ^ own) & (Warp | SeveralWarps | Split)) == 0
            // An access of several lanes at once is no lane's own.
            && (tag < whole || (((tag ^ own) & ~Segment & ~Flags) | (own & SeveralLanes)) == 0));

    /// <summary>The readers of a word when there is another one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    uint Readers(uint reader, uint own) =>
        IsBefore(reader, own) ? own
        : ((reader ^ own) & (Warp | SeveralWarps | Split)) == 0 ? own | SeveralLanes
        : (Math.Max(reader, own) & Segment) | SeveralWarps;

    /// <summary>Notes a read of bytes that lie within one word, or are whole words.</summary>
    public SharedProblem? Read(uint address, int bytes, int warp, int lane)
    {
        Enter(warp);
        for (uint word = address >> 2, end = (address + (uint)bytes + 3) >> 2; word < end; word++)
        {
            if ((bytes < 4 || !TryRead(word, (byte)lane)) && Touch(word, address, bytes, warp, lane, Access.Read) is { } problem)
                return problem;
        }
        return null;
    }

    /// <summary>Notes a write of bytes that lie within one word, or are whole words.</summary>
    public SharedProblem? Write(uint address, int bytes, int warp, int lane)
    {
        Enter(warp);
        for (uint word = address >> 2, end = (address + (uint)bytes + 3) >> 2; word < end; word++)
        {
            if ((bytes < 4 || !TryWrite(word, (byte)lane)) && Touch(word, address, bytes, warp, lane, Access.Write) is { } problem)
                return problem;
        }
        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryRead(uint word, byte lane)
    {
        uint writer = writers[word], reader = readers[word], own = warpTag | lane;
        if (writer < first || (writer & Flags) != 0 || !IsBefore(writer, own) || (reader >= everything && (reader & Split) != 0))
            return false;
        readers[word] = Readers(reader, own);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryWrite(uint word, byte lane)
    {
        uint writer = writers[word], own = warpTag | lane;
        if ((writer & Flags) != 0 || !IsBefore(writer, own) || !IsBefore(readers[word], own))
            return false;
        writers[word] = own;
        return true;
    }

    /// <summary>Notes the reads of a whole warp; false when its lanes must be looked at one by one.</summary>
    public bool TryRead(AccessPattern* pattern, uint lead, int warp, int bytes)
    {
        if (bytes < 4)
            return false;
        Enter(warp);
        byte* lanes = pattern->Threads;
        for (int r = 0; r < pattern->Ranges; r++)
        {
            uint word = (lead + (uint)pattern->Starts[r]) >> 2, end = word + ((uint)pattern->Lengths[r] >> 2);
            for (; end - word >= Vector256<int>.Count; word += (uint)Vector256<int>.Count, lanes += Vector256<int>.Count)
            {
                if (!TryReadVector(word, lanes))
                    return false;
            }
            for (; word < end; word++)
            {
                if (!TryRead(word, *lanes++))
                    return false;
            }
        }
        return true;
    }

    /// <summary>Notes the writes of a whole warp; false when its lanes must be looked at one by one.</summary>
    public bool TryWrite(AccessPattern* pattern, uint lead, int warp, int bytes)
    {
        if (bytes < 4)
            return false;
        Enter(warp);
        byte* lanes = pattern->Threads;
        for (int r = 0; r < pattern->Ranges; r++)
        {
            uint word = (lead + (uint)pattern->Starts[r]) >> 2, end = word + ((uint)pattern->Lengths[r] >> 2);
            for (; end - word >= Vector256<int>.Count; word += (uint)Vector256<int>.Count, lanes += Vector256<int>.Count)
            {
                if (!TryWriteVector(word, lanes))
                    return false;
            }
            for (; word < end; word++)
            {
                if (!TryWrite(word, *lanes++))
                    return false;
            }
        }
        return true;
    }

    /// <summary>Notes reads of a vector of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryReadVector(uint word, byte* lanes)
    {
        Vector256<int> own = Own(lanes), writer = Vector256.Load((int*)writers + word), reader = Vector256.Load((int*)readers + word);
        Vector256<int> isSplit = Vector256.GreaterThanOrEqual(reader, Vector256.Create((int)everything))
            & ~Vector256.Equals(reader & Vector256.Create((int)Split), Vector256<int>.Zero);
        Vector256<int> good = Vector256.GreaterThanOrEqual(writer, Vector256.Create((int)first)) & Unmarked(writer)
            & IsBefore(writer, own, out _) & ~isSplit;
        if (good != Vector256<int>.AllBitsSet)
            return false;
        Vector256<int> several = (Vector256.Max(reader, own) & Vector256.Create(unchecked((int)Segment)))
            | Vector256.Create((int)SeveralWarps);
        Vector256<int> isBefore = IsBefore(reader, own, out Vector256<int> isSameWarp);
        Vector256.ConditionalSelect(isBefore, own,
            Vector256.ConditionalSelect(isSameWarp, own | Vector256.Create((int)SeveralLanes), several)).Store((int*)readers + word);
        return true;
    }

    /// <summary>Notes writes of a vector of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryWriteVector(uint word, byte* lanes)
    {
        Vector256<int> own = Own(lanes), writer = Vector256.Load((int*)writers + word), reader = Vector256.Load((int*)readers + word);
        if ((Unmarked(writer) & IsBefore(writer, own, out _) & IsBefore(reader, own, out _)) != Vector256<int>.AllBitsSet)
            return false;
        own.Store((int*)writers + word);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<int> Own(byte* lanes)
    {
        (Vector128<ushort> low, _) = Vector128.Widen(Vector128.CreateScalarUnsafe(*(ulong*)lanes).AsByte());
        (Vector128<uint> first, Vector128<uint> second) = Vector128.Widen(low);
        return (Vector256.Create(first, second) | Vector256.Create(warpTag)).AsInt32();
    }

    /// <inheritdoc cref="IsBefore(uint, uint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<int> IsBefore(Vector256<int> tag, Vector256<int> own, out Vector256<int> isSameWarp)
    {
        Vector256<int> differ = tag ^ own;
        isSameWarp = Vector256.Equals(differ & Vector256.Create((int)(Warp | SeveralWarps | Split)), Vector256<int>.Zero);
        Vector256<int> isSame = Vector256.Equals((differ & Vector256.Create((int)(~Segment & ~Flags)))
            | (own & Vector256.Create((int)SeveralLanes)), Vector256<int>.Zero);
        return Vector256.LessThan(tag, Vector256.Create((int)everything))
            | (isSameWarp & (isSame | Vector256.LessThan(tag, Vector256.Create((int)whole))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Unmarked(Vector256<int> tags) => Vector256.Equals(tags & Vector256.Create((int)Flags), Vector256<int>.Zero);

    /// <summary>Begins a cp.async to whole words: nobody may touch them until it was waited for.</summary>
    public SharedProblem? BeginCopy(uint address, int bytes, int warp, int lane)
    {
        if (Write(address, bytes, warp, lane) is { } problem)
            return problem;
        new Span<uint>(writers + (address >> 2), bytes >> 2).Fill(warpTag | (uint)lane | Pending);
        return null;
    }

    /// <summary>Ends a cp.async: the lane has written the words now.</summary>
    public void EndCopy(uint address, int bytes, int warp, int lane)
    {
        Enter(warp);
        new Span<uint>(writers + (address >> 2), bytes >> 2).Fill(warpTag | (uint)lane);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(data);
        NativeMemory.Free(writers);
    }
}
