using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What a fence of some lanes of a warp published: what came before it, for those who see a later write of theirs.</summary>
/// <param name="Block">The tag of the block.</param>
/// <param name="Warp">The warp.</param>
/// <param name="Lanes">The lanes that executed the fence.</param>
/// <param name="Segment">The warp's segment that the fence ended.</param>
/// <param name="UpTo">Of each warp of the block, the last segment that was before.</param>
/// <param name="IsBlockScope">Holds within the block only.</param>
/// <param name="Known">What the lanes had acquired from other blocks.</param>
sealed record Publication(long Block, int Warp, uint Lanes, int Segment, int[] UpTo, bool IsBlockScope, Acquisition[] Known)
{
    /// <summary>Whether an access of the block came before.</summary>
    public bool Covers(long tag)
    {
        (int segment, int warp) = (AccessTag.SegmentOf(tag), AccessTag.WarpOf(tag));
        if ((tag & AccessTag.SeveralWarps) != 0)
            return segment <= UpTo.Min();
        bool isOwn = (tag & AccessTag.SeveralLanes) == 0 && warp == Warp && (Lanes >> (int)(tag & AccessTag.Lane) & 1) != 0;
        return segment <= UpTo[warp] || (isOwn && segment <= Segment);
    }
}

/// <summary>What some lanes of a warp know of other threads since they read a word behind a fence, or with one.</summary>
/// <param name="Sequence">The word's writes.</param>
/// <param name="Count">How many of them they saw.</param>
/// <param name="Warp">The warp.</param>
/// <param name="Lanes">Its lanes.</param>
/// <param name="Segment">The warp's segment at that time.</param>
/// <param name="IsBlockScope">Holds within the block only.</param>
sealed record Acquisition(WriteSequence Sequence, int Count, int Warp, uint Lanes, int Segment, bool IsBlockScope);

/// <summary>Atomic operations on a word, in their order, with what was published by them (PTX ISA, "Memory Consistency Model": release
/// and acquire patterns, observation order). A strong store begins a new one.</summary>
sealed class WriteSequence
{
    readonly List<Publication> publications = [];
    readonly Dictionary<long, List<int>> places = [];
    bool isChained;

    /// <summary>Tag of the last atomic operations on the word, by block.</summary>
    public Dictionary<long, long> Writers { get; init; } = [];

    /// <summary>Publications so far.</summary>
    public int Count => publications.Count;

    public void Add(Publication publication)
    {
        if (!places.TryGetValue(publication.Block, out List<int>? of))
            places.Add(publication.Block, of = []);
        of.Add(publications.Count);
        publications.Add(publication);
        isChained |= publication.Known.Length > 0;
    }

    /// <summary>Whether an access came before one of the first <paramref name="count"/> publications.</summary>
    /// <param name="tag">The access.</param>
    /// <param name="count">How many publications were seen.</param>
    /// <param name="reader">The block that saw them.</param>
    public bool Covers(long tag, int count, long reader) => Covers(tag, count, reader, null);

    bool Covers(long tag, int count, long reader, HashSet<(WriteSequence, int)>? looked)
    {
        if (places.TryGetValue(tag & AccessTag.Block, out List<int>? of))
        {
            foreach (int place in of)
            {
                Publication publication = publications[place];
                if (place < count && (!publication.IsBlockScope || publication.Block == reader) && publication.Covers(tag))
                    return true;
            }
        }
        if (!isChained || !(looked ??= []).Add((this, count)))
            return false;
        for (int p = 0; p < count; p++)
        {
            Publication publication = publications[p];
            foreach (Acquisition known in publication.Known)
            {
                if ((!publication.IsBlockScope || publication.Block == reader)
                    && known.Sequence.Covers(tag, known.Count, publication.Block, looked))
                    return true;
            }
        }
        return false;
    }
}

/// <summary>What the blocks of a launch share for the order of their accesses. Locked while an atomic operation or strong access is
/// executed and noted.</summary>
/// <param name="firstBlock">Number of the first block among all of this memory.</param>
/// <param name="isConcurrent">Blocks run at the same time.</param>
/// <param name="hasAtomics">The kernel has atomic operations or strong accesses.</param>
/// <param name="granuleShift">Bytes of the smallest access of the kernel, at most 4, as an exponent.</param>
/// <param name="allowsSums">Sums of floating-point numbers in the order of arrival are no fault.</param>
sealed class LaunchOrder(long firstBlock, bool isConcurrent, bool hasAtomics, int granuleShift, bool allowsSums)
{
    /// <summary>What is wrong with a sum by atomic operations, said of the place.</summary>
    public const string SumText = "the place of a floating-point sum by several threads that nothing orders: its last bits depend on the "
        + "order of arrival; add parts in a fixed order (reduce.cuh, arrival.cuh)";

    readonly Dictionary<ulong, WriteSequence> sequences = [];

    /// <summary>Tags from this one on are of the launch.</summary>
    public long First { get; } = firstBlock << AccessTag.BlockShift;

    public bool IsConcurrent => isConcurrent;

    public bool HasAtomics => hasAtomics;

    public int GranuleShift => granuleShift;

    public bool AllowsSums => allowsSums;

    /// <summary>The atomic operations on a word.</summary>
    public WriteSequence At(ulong address)
    {
        if (!sequences.TryGetValue(address, out WriteSequence? sequence))
            sequences.Add(address, sequence = new WriteSequence());
        return sequence;
    }

    /// <summary>A strong store begins a new sequence.</summary>
    public WriteSequence Restart(ulong address) => sequences[address] = new WriteSequence { Writers = At(address).Writers };
}
