using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>How the lanes' addresses lie.</summary>
enum AccessShape
{
    Scattered,
    /// <summary>All lanes take part, each behind the one before.</summary>
    Consecutive,
    /// <summary>All lanes that take part have one address.</summary>
    Uniform,
}

/// <summary>Where the lanes of an access lie relative to the first of them, and what follows from that alone: sectors, bank conflicts,
/// ranges to check. Each instruction keeps its last one, since in loops addresses move on together.</summary>
[SkipLocalsInit]
unsafe struct AccessPattern
{
    /// <summary>Several lanes touch a word; <see cref="Lines"/> that lanes do not share regularly.</summary>
    public const byte Several = 32, Irregular = 255;

    const int BankBytes = 4, Banks = 32, LaneBits = 5, MostWords = Warp.Lanes * 4;

    uint mask;
    int phase;
    fixed ulong offsets[Warp.Lanes];

    /// <summary>Ranges without gaps, in order, by their distance from the leading lane's address.</summary>
    public fixed long Starts[Warp.Lanes];

    public fixed int Lengths[Warp.Lanes];

    /// <summary>For an access of whole words: the lane of each word of the ranges, in order, with <see cref="Several"/> where more than one
    /// lane touches it.</summary>
    public fixed byte Threads[MostWords];

    /// <summary>For every 128 bytes of the ranges that are whole: in which of the regular ways lanes share them (see
    /// <see cref="Memory.AccessTag"/>), or <see cref="Irregular"/>.</summary>
    public fixed byte Lines[Warp.Lanes];

    /// <summary>The first lane that takes part.</summary>
    public int Lead;

    /// <summary>Number of ranges.</summary>
    public int Ranges;

    /// <summary>Bytes that are touched; what several lanes touch counts once.</summary>
    public int Distinct;

    /// <summary>Passes over the banks of shared memory beyond one for each 128 bytes.</summary>
    public int Conflicts;

    public AccessShape Shape;

    /// <summary>True when all lanes are aligned to the access if the leading one is.</summary>
    public bool IsAligned;

    /// <summary>Where the last range ends.</summary>
    public readonly long End => Starts[Ranges - 1] + Lengths[Ranges - 1];

    /// <summary>True when two lanes have one address.</summary>
    public readonly bool HasDuplicates(int bytes) => Distinct != bytes * BitOperations.PopCount(mask);

    /// <summary>True when two lanes have one address, and others another one or none.</summary>
    /// <param name="bytes">Bytes of a lane.</param>
    /// <param name="alive">Lanes of the warp.</param>
    public readonly bool HasSomeDuplicates(int bytes, uint alive) =>
        HasDuplicates(bytes) && (Shape != AccessShape.Uniform || mask != alive);

    /// <summary>Makes the pattern that of some addresses, if it is not yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Update(AccessPattern* pattern, ulong* addresses, uint mask, int bytes)
    {
        if (!Fits(pattern, addresses, mask, bytes))
            pattern->Build(addresses, mask, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool Fits(AccessPattern* pattern, ulong* addresses, uint mask, int bytes)
    {
        if (mask != pattern->mask)
            return false;
        ulong lead = addresses[pattern->Lead];
        Vector256<ulong> differ = Vector256<ulong>.Zero, first = Vector256.Create(lead);
        if (mask == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane += Vector256<ulong>.Count)
                differ |= (Vector256.Load(addresses + lane) - first) ^ Vector256.Load(pattern->offsets + lane);
        }
        else
        {
            for (int lane = 0; lane < Warp.Lanes; lane += Vector256<ulong>.Count)
                differ |= ((Vector256.Load(addresses + lane) - first) ^ Vector256.Load(pattern->offsets + lane)) & Lanes
                    .Selected<ulong>(mask >> lane);
        }
        return differ == Vector256<ulong>.Zero && (bytes >= BankBytes || (int)(lead % BankBytes) == pattern->phase);
    }

    void Build(ulong* addresses, uint lanes, int bytes)
    {
        mask = lanes;
        Lead = BitOperations.TrailingZeroCount(lanes);
        phase = (int)(addresses[Lead] % BankBytes);
        long* sorted = stackalloc long[Warp.Lanes];
        int count = 0;
        bool isSorted = true, isConsecutive = lanes == uint.MaxValue;
        long bits = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            offsets[lane] = addresses[lane] - addresses[Lead];
            if ((lanes >> lane & 1) == 0)
                continue;
            long offset = (long)offsets[lane];
            long key = (offset << LaneBits) | (uint)lane;
            isSorted &= count == 0 || sorted[count - 1] <= key;
            isConsecutive &= offset == (long)lane * bytes;
            bits |= offset;
            sorted[count++] = key;
        }
        if (!isSorted)
            new Span<long>(sorted, count).Sort();
        IsAligned = (bits & (bytes - 1)) == 0;
        Shape = isConsecutive ? AccessShape.Consecutive : bits == 0 ? AccessShape.Uniform : AccessShape.Scattered;
        Gather(sorted, count, bytes);
        Conflicts = 0;
        int unit = Math.Max(bytes, BankBytes), phaseLanes = Banks * BankBytes / unit;
        for (int first = 0; first < Warp.Lanes && Shape == AccessShape.Scattered; first += phaseLanes)
        {
            uint part = phaseLanes == Warp.Lanes ? lanes : lanes >> first & ((1u << phaseLanes) - 1);
            if (part != 0)
                Conflicts += Passes(addresses + first, part, BitOperations.Log2((uint)unit), phaseLanes - 1) - 1;
        }
    }

    void Gather(long* keys, int count, int bytes)
    {
        Ranges = 0;
        Distinct = 0;
        int words = 0, each = bytes / BankBytes;
        long last = long.MinValue;
        for (int k = 0; k < count; k++)
        {
            long offset = keys[k] >> LaneBits;
            if (offset == last)
            {
                for (int e = 1; e <= each; e++)
                    Threads[words - e] |= Several;
                continue;
            }
            for (int e = 0; e < each; e++)
                Threads[words++] = (byte)(keys[k] & (Warp.Lanes - 1));
            Distinct += bytes;
            if (offset == last + bytes)
                Lengths[Ranges - 1] += bytes;
            else
                (Starts[Ranges], Lengths[Ranges], Ranges) = (offset, bytes, Ranges + 1);
            last = offset;
        }
        FindLines(bytes);
    }

    void FindLines(int bytes)
    {
        int line = 0, word = 0, shift = BitOperations.Log2((uint)bytes / BankBytes);
        for (int r = 0; r < Ranges; r++)
        {
            int words = bytes < BankBytes ? 0 : Lengths[r] / BankBytes;
            for (int w = 0; w + Warp.Lanes <= words; w += Warp.Lanes)
                Lines[line++] = Line(word + w, shift);
            word += words;
        }
    }

    byte Line(int word, int shift)
    {
        int part = (Threads[word] << shift) / Warp.Lanes;
        for (int w = 0; w < Warp.Lanes; w++)
        {
            if (Threads[word + w] != ((part * Warp.Lanes) + w) >> shift)
                return Irregular;
        }
        return (byte)((part << 2) | shift);
    }

    /// <summary>Passes of lanes that are served together: 32 banks of 4 bytes; 8-byte accesses go half a warp at a time, 16-byte accesses a
    /// quarter (CUDA C++ Programming Guide, "Shared Memory"). The banks of an access begin a group; each group's addresses are
    /// chained.</summary>
    static int Passes(ulong* addresses, uint lanes, int shift, int lastGroup)
    {
        int* head = stackalloc int[Banks], next = stackalloc int[Banks], depth = stackalloc int[Banks];
        ulong* units = stackalloc ulong[Banks];
        uint used = 0;
        int count = 0, most = 1;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            ulong unit = addresses[BitOperations.TrailingZeroCount(rest)] >> shift;
            int group = (int)unit & lastGroup, at = -1;
            if ((used >> group & 1) == 0)
                (head[group], depth[group]) = (-1, 0);
            else
            {
                for (at = head[group]; at >= 0 && units[at] != unit; at = next[at])
                {
                }
            }
            if (at >= 0)
                continue;
            used |= 1u << group;
            (units[count], next[count], head[group]) = (unit, head[group], count);
            count++;
            most = Math.Max(most, ++depth[group]);
        }
        return most;
    }

    /// <summary>Distinct 32-byte sectors of global memory, when the leading lane has an address.</summary>
    public readonly int Sectors(ulong lead)
    {
        int sectors = 0;
        long last = -1;
        for (int r = 0; r < Ranges; r++)
        {
            long first = (long)((lead + (ulong)Starts[r]) >> 5), end = (long)((lead + (ulong)(Starts[r] + Lengths[r] - 1)) >> 5);
            sectors += (int)(end - first) + (first == last ? 0 : 1);
            last = end;
        }
        return sectors;
    }
}
