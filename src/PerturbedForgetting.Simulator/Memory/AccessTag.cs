namespace PerturbedForgetting.Simulator.Memory;

/// <summary>
/// Who touched a word of global memory: from the lowest bit lane, warp, flags, segment of the warp (see
/// <see cref="Execution.ThreadOrder"/>), and block, by a number that no other block of the process's memory has. So a tag of an earlier
/// launch is smaller than any of this one, and nothing is ever cleared.
/// </summary>
static class AccessTag
{
    public const long Lane = 31, SeveralLanes = Execution.AccessPattern.Several, Warp = 31 << WarpShift, SeveralWarps = 1 << 11;

    /// <summary>A write by an atomic operation or strong store; a read by ld.global.nc.</summary>
    public const long Atomic = 1 << 12, ReadOnly = 1 << 12;

    /// <summary>Several blocks.</summary>
    public const long SeveralBlocks = 1 << 13;

    /// <summary>An atomic write that is one only within its block; a strong read.</summary>
    public const long BlockScope = 1 << 14, Strong = 1 << 14;

    /// <summary>The block had released its results before.</summary>
    public const long Released = 1 << 15;

    /// <summary>Of readers, flags that stay when others read, too.</summary>
    public const long Sticky = ReadOnly | Released;

    public const int WarpShift = 6, SegmentShift = 16, BlockShift = 32;

    public const long Segment = ((1L << Execution.ThreadOrder.Bits) - 1) << SegmentShift, Block = -1L << BlockShift;

    /// <summary>What is the same for two accesses of one thread, whenever they are.</summary>
    public const long Thread = ~(Segment | Sticky | Strong | Atomic);

    public static int SegmentOf(long tag) => (int)((tag & Segment) >> SegmentShift);

    public static int WarpOf(long tag) => (int)((tag & Warp) >> WarpShift);

    /// <summary>In a line's place: its words have tags of their own. Beside it stands a block of the launch.</summary>
    public const long Words = SeveralLanes | SeveralWarps | SeveralBlocks;

    /// <summary>Whether words have tags of their own.</summary>
    public static bool IsWords(long tag) => (tag & Words) == Words;

    /// <summary>The tag of a word of a line that lanes share in a regular way: in the place of the lane, the line's tag has how many words
    /// go to a lane (1, 2 or 4, as an exponent), and which part of the warp the line belongs to, times 4.</summary>
    public static long OfWord(long line, int word)
    {
        int way = (int)(line & Lane);
        long lane = (line & (SeveralWarps | SeveralBlocks)) != 0 ? 0 : ((way >> 2 << 5) + word) >> (way & 3);
        return (line & ~Lane) | lane;
    }
}
