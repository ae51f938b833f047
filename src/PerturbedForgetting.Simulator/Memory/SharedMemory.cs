using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>Why an access of shared memory is wrong, said of the place: "was written by warp 3 …".</summary>
readonly record struct SharedProblem(FaultKind Kind, string Text);

/// <summary>Shared memory of a block with the history that finds races: two warps that touch the same bytes with no barrier between,
/// one of them writing. An epoch is the time between two barriers. A tag, one for the last writer and one for the readers of each
/// word, is the epoch of the access, its flags and its warp; tags of the running epoch are the greatest, those below the block's
/// first epoch were left by an earlier block.</summary>
sealed unsafe class SharedMemory : IDisposable
{
    const uint Warps = 31, Pending = 32, Split = 64, Atomic = 128, Several = 256, Flags = Pending | Split | Atomic | Several;
    const uint OneEpoch = 512, LastEpoch = 1u << 30;

    readonly byte* data;
    readonly int words;

    // Tags of bytes hold where the word's tag says Split: its bytes were last touched by different warps or epochs.
    readonly uint* writers, readers, byteWriters, byteReaders;
    uint epoch = OneEpoch, first = OneEpoch;

    public SharedMemory(int staticBytes, int dynamicBytes)
    {
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

    /// <summary>Another block begins: what earlier ones wrote counts as never written.</summary>
    public void NextBlock()
    {
        NextEpoch();
        first = epoch;
    }

    /// <summary>The block passes a barrier.</summary>
    public void NextEpoch()
    {
        epoch += OneEpoch;
        if (epoch < LastEpoch)
            return;
        // Epochs are counted anew; all that matters of the old ones is whether they were of this block.
        for (int t = 0; t < words * 10; t++)
            writers[t] = writers[t] >= first ? OneEpoch | (writers[t] & (OneEpoch - 1)) : 0;
        (first, epoch) = (OneEpoch, 2 * OneEpoch);
    }

    /// <summary>Notes a read of bytes that lie within one word, or are whole words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SharedProblem? Read(uint address, int bytes, int warp)
    {
        for (uint word = address >> 2, end = (address + (uint)bytes + 3) >> 2; word < end; word++)
        {
            uint writer = writers[word], reader = readers[word], own = epoch | (uint)warp;
            if (bytes < 4 || writer < first || (writer & Flags) != 0 || (writer >= epoch && writer != own)
                || (reader >= epoch && (reader & Split) != 0))
            {
                if (Touch(word, address, bytes, warp, Access.Read) is { } problem)
                    return problem;
            }
            else if (reader != own)
                readers[word] = reader < epoch ? own : epoch | Several;
        }
        return null;
    }

    /// <summary>Notes a write of bytes that lie within one word, or are whole words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SharedProblem? Write(uint address, int bytes, int warp)
    {
        for (uint word = address >> 2, end = (address + (uint)bytes + 3) >> 2; word < end; word++)
        {
            uint writer = writers[word], reader = readers[word], own = epoch | (uint)warp;
            if (bytes < 4 || (writer & Flags) != 0 || (writer >= epoch && writer != own) || (reader >= epoch && reader != own))
            {
                if (Touch(word, address, bytes, warp, Access.Write) is { } problem)
                    return problem;
            }
            else
                writers[word] = own;
        }
        return null;
    }

    /// <summary>Notes the reads of a whole warp; false when its lanes must be looked at one by one.</summary>
    public bool TryRead(AccessPattern* pattern, uint lead, int warp)
    {
        for (int r = 0; r < pattern->Ranges; r++)
        {
            uint address = lead + (uint)pattern->Starts[r], bytes = (uint)pattern->Lengths[r];
            if (((address | bytes) & 3) != 0)
                return false;
            uint word = address >> 2, end = word + (bytes >> 2);
            for (; end - word >= Vector256<int>.Count; word += (uint)Vector256<int>.Count)
            {
                if (!TryRead(word, warp))
                    return false;
            }
            for (; word < end; word++)
            {
                if (Read(word << 2, 4, warp) is not null)
                    return false;
            }
        }
        return true;
    }

    /// <summary>Notes the writes of a whole warp; false when its lanes must be looked at one by one.</summary>
    public bool TryWrite(AccessPattern* pattern, uint lead, int warp)
    {
        for (int r = 0; r < pattern->Ranges; r++)
        {
            uint address = lead + (uint)pattern->Starts[r], bytes = (uint)pattern->Lengths[r];
            if (((address | bytes) & 3) != 0)
                return false;
            uint word = address >> 2, end = word + (bytes >> 2);
            for (; end - word >= Vector256<int>.Count; word += (uint)Vector256<int>.Count)
            {
                if (!TryWrite(word, warp))
                    return false;
            }
            for (; word < end; word++)
            {
                if (Write(word << 2, 4, warp) is not null)
                    return false;
            }
        }
        return true;
    }

    /// <summary>Notes reads of a vector of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryRead(uint word, int warp)
    {
        Vector256<int> own = Vector256.Create((int)epoch | warp), now = Vector256.Create((int)epoch);
        Vector256<int> writer = Vector256.Load((int*)writers + word), reader = Vector256.Load((int*)readers + word);
        Vector256<int> isNew = Vector256.LessThan(reader, now) | Vector256.Equals(reader, own);
        Vector256<int> good = Vector256.GreaterThanOrEqual(writer, Vector256.Create((int)first)) & Unmarked(writer)
            & (Vector256.LessThan(writer, now) | Vector256.Equals(writer, own))
            & (isNew | Vector256.Equals(reader & Vector256.Create((int)Split), Vector256<int>.Zero));
        if (good != Vector256<int>.AllBitsSet)
            return false;
        Vector256.ConditionalSelect(isNew, own, now | Vector256.Create((int)Several)).Store((int*)readers + word);
        return true;
    }

    /// <summary>Notes writes of a vector of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryWrite(uint word, int warp)
    {
        Vector256<int> own = Vector256.Create((int)epoch | warp), now = Vector256.Create((int)epoch);
        Vector256<int> writer = Vector256.Load((int*)writers + word), reader = Vector256.Load((int*)readers + word);
        Vector256<int> good = Unmarked(writer) & (Vector256.LessThan(writer, now) | Vector256.Equals(writer, own))
            & (Vector256.LessThan(reader, now) | Vector256.Equals(reader, own));
        if (good != Vector256<int>.AllBitsSet)
            return false;
        own.Store((int*)writers + word);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Unmarked(Vector256<int> tags) => Vector256.Equals(tags & Vector256.Create((int)Flags), Vector256<int>.Zero);

    /// <summary>Notes an atomic operation on whole words: ordered against other atomic operations, not against plain accesses of other
    /// warps.</summary>
    public SharedProblem? Update(uint address, int bytes, int warp)
    {
        for (uint word = address >> 2; word < (address + (uint)bytes) >> 2; word++)
        {
            if (Touch(word, word << 2, 4, warp, Access.Atomic) is { } problem)
                return problem;
        }
        return null;
    }

    /// <summary>Begins a cp.async to whole words: nobody may touch them until it was waited for.</summary>
    public SharedProblem? BeginCopy(uint address, int bytes, int warp)
    {
        if (Write(address, bytes, warp) is { } problem)
            return problem;
        new Span<uint>(writers + (address >> 2), bytes >> 2).Fill(epoch | Pending | (uint)warp);
        return null;
    }

    /// <summary>Ends a cp.async: the warp has written the words now.</summary>
    public void EndCopy(uint address, int bytes, int warp) => new Span<uint>(writers + (address >> 2), bytes >> 2).Fill(epoch | (uint)warp);

    enum Access
    {
        Read,
        Write,
        Atomic,
    }

    /// <summary>The exact rules, byte by byte.</summary>
    SharedProblem? Touch(uint word, uint address, int bytes, int warp, Access access)
    {
        uint* w = byteWriters + (word * 4), r = byteReaders + (word * 4);
        if ((writers[word] & Split) == 0)
            new Span<uint>(w, 4).Fill(writers[word]);
        if ((readers[word] & Split) == 0)
            new Span<uint>(r, 4).Fill(readers[word]);
        SharedProblem? problem = null;
        for (uint k = 0; k < 4 && problem is null; k++)
        {
            if ((word * 4) + k >= address && (word * 4) + k < address + (uint)bytes)
                problem = Touch(ref w[k], ref r[k], (uint)warp, access);
        }
        writers[word] = Whole(w);
        readers[word] = Whole(r);
        return problem;
    }

    static uint Whole(uint* tags)
    {
        uint newest = Math.Max(Math.Max(tags[0], tags[1]), Math.Max(tags[2], tags[3]));
        return newest == tags[0] && newest == tags[1] && newest == tags[2] && newest == tags[3]
            ? newest
            : (newest & ~(OneEpoch - 1)) | Split;
    }

    SharedProblem? Touch(ref uint writer, ref uint reader, uint warp, Access access)
    {
        uint own = epoch | warp;
        bool isWritten = writer >= first, isWrittenNow = writer >= epoch, isReadNow = reader >= epoch;
        if (!isWritten && access != Access.Write)
            return new SharedProblem(FaultKind.Uninitialized, "was never written");
        if (isWritten && (writer & Pending) != 0)
            return new SharedProblem(FaultKind.SharedRace, "is the target of a cp.async that was not waited for");
        bool isPlain = (writer & Atomic) == 0, isOfOthers = (writer & Several) != 0 || (writer & Warps) != warp;
        if (isWrittenNow && isOfOthers && (isPlain || access != Access.Atomic))
            return Race(isPlain ? "written" : "changed atomically", writer);
        if (access != Access.Read && isReadNow && reader != own)
            return Race("read", reader);
        if (access == Access.Read)
            reader = isReadNow && reader != own ? epoch | Several : own;
        else if (access == Access.Write)
            writer = own;
        else if (!isWrittenNow || (!isPlain && !isOfOthers))
            writer = own | Atomic;
        else if (!isPlain)
            writer = epoch | Atomic | Several;
        // Flags of an epoch that is over mean nothing any more; without them the quick tests hold again.
        if (!isWrittenNow && access == Access.Read)
            writer &= ~(Atomic | Several);
        return null;
    }

    static SharedProblem Race(string what, uint tag) => new(FaultKind.SharedRace,
        $"was {what} by {((tag & Several) != 0 ? "several warps" : $"warp {tag & Warps}")} with no barrier between");

    public void Dispose()
    {
        NativeMemory.AlignedFree(data);
        NativeMemory.Free(writers);
    }
}
