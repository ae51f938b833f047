using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>What is known of 4 bytes of shared memory. An epoch is the time between two barriers of a block; it never repeats.</summary>
struct SharedWord
{
    /// <summary>Epochs of the last write and read in which the fields below hold.</summary>
    public int WriteEpoch, ReadEpoch;

    /// <summary>Warps that wrote and read in those epochs, one bit each.</summary>
    public uint Writers, Readers;

    /// <summary>Bytes (a bit each) that were written and read in those epochs, and that were ever written by the block of <see cref="Block"/>.</summary>
    public byte WrittenNow, ReadNow, Written, Pending;

    public int Block;
}

/// <summary>Shared memory of a block with the history that finds races: two warps that touch the same bytes with no barrier between,
/// one of them writing.</summary>
sealed unsafe class SharedMemory : IDisposable
{
    readonly byte* data;
    readonly SharedWord* words;

    public SharedMemory(int staticBytes, int dynamicBytes)
    {
        Bytes = dynamicBytes == 0 ? staticBytes : ((staticBytes + 15) & ~15) + dynamicBytes;
        if (Bytes == 0)
            return;
        data = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes + 64, 256);
        words = (SharedWord*)NativeMemory.AllocZeroed((nuint)((Bytes + 7) / 4), (nuint)sizeof(SharedWord));
    }

    /// <summary>Bytes that the block has.</summary>
    public int Bytes { get; }

    public byte* Data => data;

    /// <summary>Number of the block that runs; what earlier ones wrote counts as never written.</summary>
    public int Block { get; private set; }

    public void NextBlock() => Block++;

    /// <summary>Notes a read of bytes within one word.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Read(uint address, int bytes, int warp, int epoch)
    {
        ref SharedWord word = ref words[address >> 2];
        int mask = ((1 << bytes) - 1) << (int)(address & 3);
        if (word.Block != Block || (word.Written & mask) != mask)
            return "was never written";
        if ((word.Pending & mask) != 0)
            return "is the target of a cp.async that was not waited for";
        uint own = 1u << warp;
        if (word.WriteEpoch == epoch && (word.WrittenNow & mask) != 0 && (word.Writers & ~own) != 0)
            return Race("written", word.Writers & ~own);
        if (word.ReadEpoch != epoch)
            (word.ReadEpoch, word.Readers, word.ReadNow) = (epoch, 0, 0);
        word.Readers |= own;
        word.ReadNow |= (byte)mask;
        return null;
    }

    /// <summary>Notes a write of bytes within one word.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? Write(uint address, int bytes, int warp, int epoch)
    {
        ref SharedWord word = ref words[address >> 2];
        int mask = ((1 << bytes) - 1) << (int)(address & 3);
        if (word.Block != Block)
            (word.Block, word.Written, word.Pending) = (Block, 0, 0);
        if ((word.Pending & mask) != 0)
            return "is the target of a cp.async that was not waited for";
        uint own = 1u << warp;
        if (word.WriteEpoch == epoch && (word.WrittenNow & mask) != 0 && (word.Writers & ~own) != 0)
            return Race("written", word.Writers & ~own);
        if (word.ReadEpoch == epoch && (word.ReadNow & mask) != 0 && (word.Readers & ~own) != 0)
            return Race("read", word.Readers & ~own);
        if (word.WriteEpoch != epoch)
            (word.WriteEpoch, word.Writers, word.WrittenNow) = (epoch, 0, 0);
        word.Writers |= own;
        word.WrittenNow |= (byte)mask;
        word.Written |= (byte)mask;
        return null;
    }

    /// <summary>Notes an atomic operation on a word: ordered against other atomic operations, not against plain accesses of other warps.</summary>
    /// <returns>Null, or what is wrong.</returns>
    public string? ReadAtomically(uint address, int warp, int epoch)
    {
        ref SharedWord word = ref words[address >> 2];
        uint own = 1u << warp;
        if (word.Block != Block || word.Written != 0xf)
            return "was never written";
        if (word.Pending != 0)
            return "is the target of a cp.async that was not waited for";
        if (word.WriteEpoch == epoch && word.WrittenNow != 0 && (word.Writers & ~own) != 0)
            return Race("written", word.Writers & ~own);
        if (word.ReadEpoch == epoch && word.ReadNow != 0 && (word.Readers & ~own) != 0)
            return Race("read", word.Readers & ~own);
        return null;
    }

    /// <summary>Bytes that a cp.async will write: nobody may touch them until it was waited for.</summary>
    public void SetPending(uint address, int bytes, bool isPending)
    {
        for (uint word = address >> 2; word < (address + (uint)bytes) >> 2; word++)
            words[word].Pending = isPending ? (byte)0xf : (byte)0;
    }

    static string Race(string what, uint warps) =>
        $"was {what} by warp {System.Numerics.BitOperations.TrailingZeroCount(warps)} with no barrier between";

    public void Dispose()
    {
        NativeMemory.AlignedFree(data);
        NativeMemory.Free(words);
    }
}
