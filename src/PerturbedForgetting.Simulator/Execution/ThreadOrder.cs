namespace PerturbedForgetting.Simulator.Execution;

/// <summary>
/// Which accesses of a block's threads come before which, whatever the order in which they were executed here. Every warp counts its time
/// in segments, which end at its barriers and fences. These are vector clocks (C. Fidge, "Timestamps in Message-Passing Systems That
/// Preserve the Partial Ordering", 1988), kept short: one number says what comes before everything in the block, one a warp what comes
/// before all that its lanes do, and only barriers of some warps or of some lanes need tables.
/// </summary>
/// <param name="warps">Warps of the block.</param>
/// <param name="forget">Called when a block has had more segments than can be counted: what is behind it counts as ordered.</param>
sealed class ThreadOrder(int warps, Action forget)
{
    /// <summary>Bits of a segment's number.</summary>
    public const int Bits = 16;

    const int Last = (1 << Bits) - 1, Barriers = 16;

    readonly int[] now = new int[warps], whole = new int[warps];

    // seen[w, v]: up to which segment the warp v is before what the warp w does now; offered: likewise, of what waits at a barrier.
    readonly int[] seen = new int[warps * warps], offered = new int[Barriers * warps];

    // For a warp with barriers of some of its lanes: [lane, other lane].
    readonly int[]?[] lanes = new int[warps][];
    bool isPartial;

    /// <summary>Warps of the block.</summary>
    public int Warps => warps;

    /// <summary>The segment in which the block began.</summary>
    public int First { get; private set; }

    /// <summary>What was done in segments up to this one is before all that is done now.</summary>
    public int Everything { get; private set; }

    /// <summary>The block has had more segments than can be counted.</summary>
    public bool IsForgetful { get; private set; }

    /// <summary>The segment of a warp.</summary>
    public int Now(int warp) => now[warp];

    /// <summary>What the warp did in segments up to this one is before all that it does now.</summary>
    public int Whole(int warp) => Math.Max(whole[warp], Everything);

    /// <summary>What the warp <paramref name="other"/> did in segments up to this one is before what the warp does now.</summary>
    public int Seen(int warp, int other) => warp == other ? Whole(warp) : Math.Max(seen[(warp * warps) + other], Everything);

    /// <summary>Another block begins.</summary>
    /// <param name="restart">Called when the numbers begin anew.</param>
    public void NextBlock(Action restart)
    {
        First = now.Max() + 1;
        if (First > Last / 2)
        {
            restart();
            First = 1;
        }
        IsForgetful = false;
        Begin(First);
    }

    void Begin(int segment)
    {
        Everything = segment - 1;
        Array.Fill(now, segment);
        Array.Fill(whole, segment - 1);
        Array.Clear(offered);
        Array.Clear(lanes);
        if (isPartial)
            Array.Clear(seen);
        isPartial = false;
    }

    /// <summary>Ends a warp's segment.</summary>
    public void Step(int warp)
    {
        if (++now[warp] < Last)
            return;
        forget();
        IsForgetful = true;
        First = 1;
        Begin(2);
    }

    /// <summary>All lanes of a warp meet.</summary>
    public void Meet(int warp)
    {
        whole[warp] = now[warp];
        lanes[warp] = null;
        Step(warp);
    }

    /// <summary>Some lanes of a warp meet.</summary>
    public void Meet(int warp, uint mask)
    {
        int[] table = lanes[warp] ??= new int[Warp.Lanes * Warp.Lanes];
        Span<int> joined = stackalloc int[Warp.Lanes];
        joined.Clear();
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0)
                continue;
            for (int other = 0; other < Warp.Lanes; other++)
                joined[other] = Math.Max(joined[other], table[(lane * Warp.Lanes) + other]);
            joined[lane] = now[warp];
        }
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) != 0)
                joined.CopyTo(table.AsSpan(lane * Warp.Lanes));
        }
        Step(warp);
    }

    /// <summary>A warp arrives at a barrier of the block.</summary>
    public void Arrive(int warp, int barrier)
    {
        Span<int> place = offered.AsSpan(barrier * warps, warps);
        for (int other = 0; other < warps; other++)
            place[other] = Math.Max(place[other], Seen(warp, other));
        place[warp] = now[warp];
        Meet(warp);
    }

    /// <summary>A warp goes on behind a barrier at which not all warps of the block wait.</summary>
    public void Pass(int warp, int barrier)
    {
        isPartial = true;
        for (int other = 0; other < warps; other++)
            seen[(warp * warps) + other] = Math.Max(seen[(warp * warps) + other], offered[(barrier * warps) + other]);
    }

    /// <summary>All warps that go on have passed a barrier.</summary>
    public void Clear(int barrier) => Array.Clear(offered, barrier * warps, warps);

    /// <summary>All warps that did not exit met: what was done is before all that will be.</summary>
    public void Level() => Begin(now.Max() + 1);

    /// <summary>Whether what a lane did in a segment is before what another one does now. All lanes together
    /// (<see cref="AccessPattern.Several"/>) are not the same as any of them.</summary>
    public bool IsBefore(int warp, int lane, int segment, int byWarp, int byLane) =>
        segment <= Everything
        || (warp != byWarp ? seen[(byWarp * warps) + warp] >= segment
            : lane == byLane || segment <= whole[warp]
            || (lanes[warp] is { } table && table[((byLane & (Warp.Lanes - 1)) * Warp.Lanes) + lane] >= segment));

    /// <summary>Whether what several lanes of a warp did up to a segment is before what a lane does now. Which lanes is not known: after a
    /// barrier of some of them they count as those.</summary>
    public bool AreLanesBefore(int warp, int segment, int byWarp, int byLane)
    {
        if (segment <= Everything || warp != byWarp)
            return segment <= Everything || seen[(byWarp * warps) + warp] >= segment;
        return segment <= whole[warp]
            || (lanes[warp] is { } table
                && table.AsSpan((byLane & (Warp.Lanes - 1)) * Warp.Lanes, Warp.Lanes).ContainsAnyInRange(segment, int.MaxValue));
    }

    /// <summary>Whether what several warps did up to a segment is before what a warp does now. Which warps is not known: after a barrier
    /// of some of them they count as those.</summary>
    public bool AreWarpsBefore(int segment, int byWarp)
    {
        if (segment <= Everything || !isPartial)
            return segment <= Everything;
        for (int other = 0; other < warps; other++)
        {
            if (other != byWarp && seen[(byWarp * warps) + other] > Everything)
                return true;
        }
        return false;
    }
}
