using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Memory;

/// <summary>The rules of shared memory to the last byte, for what the quick tests do not let pass.</summary>
sealed unsafe partial class SharedMemory
{
    enum Access
    {
        Read,
        Write,
        Atomic,
    }

    /// <summary>Notes an atomic operation on whole words: ordered against other atomic operations, not against plain accesses of other
    /// threads.</summary>
    /// <param name="isSum">It adds floating-point numbers, so that its result depends on the order of such operations.</param>
    public SharedProblem? Update(uint address, int bytes, int warp, int lane, bool isSum)
    {
        Enter(warp);
        for (uint word = address >> 2; word < (address + (uint)bytes) >> 2; word++)
        {
            if (isSum && (writers[word] & Atomic) != 0 && writers[word] >= first && !IsBeforeExactly(writers[word], warp, lane))
                return new SharedProblem(FaultKind.ArrivalOrder, $"is {LaunchOrder.SumText}");
            if (Touch(word, word << 2, 4, warp, lane, Access.Atomic) is { } problem)
                return problem;
        }
        return null;
    }

    SharedProblem? Touch(uint word, uint address, int bytes, int warp, int lane, Access access)
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
                problem = Touch(ref w[k], ref r[k], warp, lane, access);
        }
        writers[word] = Whole(w);
        readers[word] = Whole(r);
        return problem;
    }

    static uint Whole(uint* tags)
    {
        uint newest = Math.Max(Math.Max(tags[0], tags[1]), Math.Max(tags[2], tags[3]));
        return newest == tags[0] && newest == tags[1] && newest == tags[2] && newest == tags[3] ? newest : (newest & Segment) | Split;
    }

    SharedProblem? Touch(ref uint writer, ref uint reader, int warp, int lane, Access access)
    {
        uint own = warpTag | (uint)lane;
        if (writer < first && access != Access.Write)
            return new SharedProblem(FaultKind.Uninitialized,
                "was never written, or not yet: then barrier() (bar.sync) or warp_barrier() (bar.warp.sync) is missing");
        if (writer >= first && (writer & Pending) != 0)
            return new SharedProblem(FaultKind.SharedRace, "is the target of a cp.async that was not waited for: wait_copies (cp.async."
                + "wait_group) or, behind it, barrier() (bar.sync) is missing");
        bool isAtomic = (writer & Atomic) != 0, isAfterWriter = IsBeforeExactly(writer, warp, lane);
        // Where all lanes store one value at one place, each has written what it reads.
        bool isOwn = access == Access.Read && !isAtomic && (writer & SeveralLanes) != 0
            && ((writer ^ own) & (Warp | SeveralWarps)) == 0;
        if (!isAfterWriter && !isOwn && (!isAtomic || access != Access.Atomic))
            return Race(isAtomic ? "changed atomically" : "written", writer, warp);
        if (access != Access.Read && !IsBeforeExactly(reader, warp, lane))
            return Race("read", reader, warp);
        if (access == Access.Read)
            reader = IsBeforeExactly(reader, warp, lane) ? own : Readers(reader, own);
        else if (access == Access.Write)
            writer = own;
        else if (isAfterWriter)
            writer = own | Atomic;
        else
            writer = Readers(writer & ~Atomic, own) | Atomic;
        // Flags of accesses that are before everything mean nothing any more; without them the quick tests hold again.
        if (writer < everything && access == Access.Read)
            writer &= ~(Atomic | SeveralLanes | SeveralWarps);
        return null;
    }

    bool IsBeforeExactly(uint tag, int warp, int lane)
    {
        int segment = (int)(tag >> SegmentShift), of = (int)((tag & Warp) >> WarpShift);
        return tag < first
            || ((tag & SeveralWarps) != 0 ? Order.AreWarpsBefore(segment, warp)
                : (tag & SeveralLanes) != 0 ? Order.AreLanesBefore(of, segment, warp, lane)
                : Order.IsBefore(of, (int)(tag & Lane), segment, warp, lane));
    }

    static SharedProblem Race(string what, uint tag, int warp)
    {
        uint of = (tag & Warp) >> WarpShift;
        string text = (tag & SeveralWarps) != 0 ? "several warps with no barrier between: barrier() (bar.sync) is missing"
            : of != warp ? $"warp {of} with no barrier between: barrier() (bar.sync) is missing"
            : $"{((tag & SeveralLanes) != 0 ? "several lanes" : $"lane {tag & Lane}")} of the same warp with no barrier of the lanes "
                + "between: warp_barrier() (bar.warp.sync) is missing, or barrier() (bar.sync) where other warps take part; a shuffle or "
                + "vote is none";
        return new SharedProblem(FaultKind.SharedRace, $"was {what} by {text}");
    }
}
