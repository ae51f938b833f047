using System.Numerics;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Why an access of global memory is wrong, said of the place.</summary>
readonly record struct GlobalProblem(FaultKind Kind, string Text);

/// <summary>
/// Finds races in global memory, for one block at a time: two threads of a launch that touch the same bytes, one of them writing, and
/// nothing that orders the two, which is barriers within a block, and between blocks a fence before an atomic operation (or strong store)
/// of the one and a fence behind an atomic operation (or strong load) of the other that saw it. What counts is the missing order, not the
/// time at which blocks happen to run.
/// </summary>
/// <param name="launch">What blocks share.</param>
/// <param name="order">The order of the block's threads.</param>
/// <param name="place">Place in the grid of a block of the launch, by its number, as text.</param>
sealed unsafe partial class GlobalWatch(LaunchOrder launch, ThreadOrder order, Func<long, string> place)
{
    const int MostRemembered = 256;

    readonly List<Publication> published = [];
    readonly List<Acquisition> acquired = [], observed = [];
    long block, everything, whole, own;
    bool hasReleased;

    /// <summary>Another block begins.</summary>
    public void NextBlock(long index)
    {
        block = launch.First + (index % DeviceMemory.MostNumbers << AccessTag.BlockShift);
        published.Clear();
        acquired.Clear();
        observed.Clear();
        hasReleased = false;
    }

    /// <summary>The warp's turn begins.</summary>
    void Enter(int warp, AccessFlags flags)
    {
        everything = block | ((long)(order.Everything + 1) << AccessTag.SegmentShift);
        whole = block | ((long)(order.Whole(warp) + 1) << AccessTag.SegmentShift);
        own = block | ((long)order.Now(warp) << AccessTag.SegmentShift) | ((long)warp << AccessTag.WarpShift)
            | (hasReleased ? AccessTag.Released : 0) | ((flags & AccessFlags.ReadOnly) != 0 ? AccessTag.ReadOnly : 0);
    }

    /// <summary>Lanes of a warp execute a fence.</summary>
    public void Fence(int warp, uint mask, bool isBlockScope)
    {
        foreach (Acquisition seen in observed)
        {
            uint lanes = 0;
            for (uint rest = mask; rest != 0; rest &= rest - 1)
                lanes |= Knows(seen, warp, BitOperations.TrailingZeroCount(rest)) ? rest & (0 - rest) : 0;
            if (lanes != 0)
                Remember(acquired,
                    seen with { Warp = warp, Lanes = lanes, Segment = order.Now(warp), IsBlockScope = isBlockScope });
        }
        Publish(warp, mask, isBlockScope);
    }

    void Publish(int warp, uint mask, bool isBlockScope)
    {
        int[] upTo = new int[order.Warps];
        for (int other = 0; other < upTo.Length; other++)
            upTo[other] = order.Seen(warp, other);
        int lane = BitOperations.TrailingZeroCount(mask), segment = order.Now(warp);
        Remember(published, new Publication(block, warp, mask, segment, upTo, isBlockScope,
            [.. acquired.Where(a => !a.IsBlockScope && Knows(a, warp, lane))]));
        order.Step(warp);
    }

    // A loop of fences must not fill the memory; the newest ones say the most.
    static void Remember<T>(List<T> list, T item)
    {
        if (list.Count >= MostRemembered)
            list.RemoveRange(0, MostRemembered / 2);
        list.Add(item);
    }

    bool Knows(Acquisition acquisition, int warp, int lane)
    {
        for (uint rest = acquisition.Lanes; rest != 0; rest &= rest - 1)
        {
            if (order.IsBefore(acquisition.Warp, BitOperations.TrailingZeroCount(rest), acquisition.Segment, warp, lane))
                return true;
        }
        return false;
    }

    /// <summary>A lane has read a word by an atomic operation or strong load.</summary>
    void Observe(WriteSequence sequence, int warp, int lane, AccessFlags flags)
    {
        if (sequence.Count > 0)
            Remember((flags & AccessFlags.Acquire) != 0 ? acquired : observed,
                new Acquisition(sequence, sequence.Count, warp, 1u << lane, order.Now(warp), (flags & AccessFlags.BlockScope) != 0));
    }

    /// <summary>A lane writes a word by an atomic operation or strong store: whoever reads it and executes a fence sees what the lane's
    /// fences published.</summary>
    void Release(WriteSequence sequence, int warp, int lane, AccessFlags flags)
    {
        if ((flags & AccessFlags.Release) != 0)
            Publish(warp, 1u << lane, (flags & AccessFlags.BlockScope) != 0);
        Span<uint> said = stackalloc uint[order.Warps];
        said.Clear();
        // The newest says the most.
        for (int p = published.Count - 1; p >= 0; p--)
        {
            Publication publication = published[p];
            uint lanes = 0;
            for (uint rest = publication.Lanes & ~said[publication.Warp]; rest != 0; rest &= rest - 1)
            {
                int other = BitOperations.TrailingZeroCount(rest);
                lanes |= order.IsBefore(publication.Warp, other, publication.Segment, warp, lane) ? 1u << other : 0;
            }
            if (lanes == 0)
                continue;
            bool isBlockScope = publication.IsBlockScope || (flags & AccessFlags.BlockScope) != 0;
            sequence.Add(publication with { Lanes = lanes, IsBlockScope = isBlockScope });
            said[publication.Warp] |= publication.IsBlockScope ? 0 : lanes;
            hasReleased |= !isBlockScope;
        }
    }

    /// <summary>Whether what a tag says was done is before what a lane does now.</summary>
    bool IsBefore(long tag, int warp, int lane)
    {
        if (tag < launch.First)
            return true;
        if ((tag & AccessTag.SeveralBlocks) != 0)
            return false;
        if (((tag ^ block) & AccessTag.Block) == 0 && IsBeforeInBlock(tag, warp, lane))
            return true;
        foreach (Acquisition known in acquired)
        {
            if ((!known.IsBlockScope || ((tag ^ block) & AccessTag.Block) == 0) && Knows(known, warp, lane)
                && known.Sequence.Covers(tag, known.Count, block))
                return true;
        }
        return false;
    }

    bool IsBeforeInBlock(long tag, int warp, int lane)
    {
        (int segment, int of) = (AccessTag.SegmentOf(tag), AccessTag.WarpOf(tag));
        return order.IsForgetful
            || ((tag & AccessTag.SeveralWarps) != 0 ? order.AreWarpsBefore(segment, warp)
                : (tag & AccessTag.SeveralLanes) != 0 ? order.AreLanesBefore(of, segment, warp, lane)
                : order.IsBefore(of, (int)(tag & AccessTag.Lane), segment, warp, lane));
    }

    /// <summary>Whether the last write is before what a lane does now. Atomic operations of several blocks are looked up one by
    /// one.</summary>
    bool IsAfterWriter(long tag, ulong address, int warp, int lane)
    {
        if ((tag & AccessTag.SeveralBlocks) == 0 || tag < launch.First)
            return IsBefore(tag, warp, lane);
        foreach (long writer in launch.At(address).Writers.Values)
        {
            if (!IsBefore(writer, warp, lane))
                return false;
        }
        return true;
    }

    /// <summary>Whether the readers are before what a lane does now. Which blocks they are is not known when there are several; a lane that
    /// has acquired something counts as behind those that had not released yet.</summary>
    bool IsAfterReaders(long tag, int warp, int lane)
    {
        if ((tag & AccessTag.SeveralBlocks) == 0 || tag < launch.First)
            return IsBefore(tag, warp, lane);
        return (tag & AccessTag.Released) == 0 && acquired.Exists(known => !known.IsBlockScope && Knows(known, warp, lane));
    }

    string Race(long tag, string what, int warp)
    {
        (string who, string advice) = (tag & AccessTag.SeveralBlocks) != 0 ? ("several blocks", Between)
            : ((tag ^ block) & AccessTag.Block) != 0
                ? ($"block ({place((tag - launch.First) >> AccessTag.BlockShift)})", Between)
            : (tag & AccessTag.SeveralWarps) != 0 ? ("several warps of the block", "barrier() (bar.sync) between the two is missing")
            : AccessTag.WarpOf(tag) is var of && of != warp
                ? ($"warp {of} of the block", "barrier() (bar.sync) between the two is missing")
            : (tag & AccessTag.SeveralLanes) != 0 ? ("several lanes of the warp", Lanes)
            : ($"lane {tag & AccessTag.Lane} of the warp", Lanes);
        return $"{who} {what} in the same launch, and nothing orders the two: {advice}";
    }

    const string Between = "blocks are ordered by a fence before and one behind an atomic operation (arrives_last), or by launches of "
            + "their own",
        Lanes = "warp_barrier() (bar.warp.sync) between the two is missing; a shuffle or vote is none";
}
