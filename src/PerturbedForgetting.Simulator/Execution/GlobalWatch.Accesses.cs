using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The rules for one lane's access, granule by granule.</summary>
sealed unsafe partial class GlobalWatch
{
    enum Access
    {
        Read,
        Write,
        Update,
    }

    /// <summary>What strong accesses and atomic operations lock, from the note to the access itself.</summary>
    public object Gate => launch;

    /// <summary>Notes a lane's load; a strong one holds <see cref="Gate"/>.</summary>
    public GlobalProblem? Read(Allocation allocation, ulong address, int bytes, int warp, int lane, AccessFlags flags)
    {
        if ((flags & AccessFlags.Strong) != 0)
            Observe(launch.At(address), warp, lane, flags);
        return Touch(allocation, address, bytes, warp, lane, flags, Access.Read);
    }

    /// <summary>Notes a lane's store; a strong one holds <see cref="Gate"/>.</summary>
    public GlobalProblem? Write(Allocation allocation, ulong address, int bytes, int warp, int lane, AccessFlags flags)
    {
        GlobalProblem? problem = Touch(allocation, address, bytes, warp, lane, flags, Access.Write);
        if ((flags & AccessFlags.Strong) != 0 && problem is null)
            Release(launch.Restart(address), warp, lane, flags);
        return problem;
    }

    /// <summary>Notes a lane's atomic operation, which holds <see cref="Gate"/>.</summary>
    public GlobalProblem? Update(Allocation allocation, ulong address, int bytes, int warp, int lane, AccessFlags flags)
    {
        if (Touch(allocation, address, bytes, warp, lane, flags, Access.Update) is { } problem)
            return problem;
        WriteSequence sequence = launch.At(address);
        Observe(sequence, warp, lane, flags);
        Release(sequence, warp, lane, flags);
        return null;
    }

    GlobalProblem? Touch(Allocation allocation, ulong address, int bytes, int warp, int lane, AccessFlags flags, Access access)
    {
        // What other blocks published is looked at while no other thread of the host adds to it.
        if (!launch.IsConcurrent || !launch.HasAtomics)
            return TouchEach(allocation, address, bytes, warp, lane, flags, access);
        lock (launch)
            return TouchEach(allocation, address, bytes, warp, lane, flags, access);
    }

    GlobalProblem? TouchEach(Allocation allocation, ulong address, int bytes, int warp, int lane, AccessFlags flags, Access access)
    {
        ulong granule = 1ul << launch.GranuleShift, end = address + (ulong)bytes;
        GlobalProblem? problem = null;
        // A copy of odd size takes the granule of its last bytes only when it has it whole.
        for (ulong at = address; at + granule <= end && problem is null; at += granule)
        {
            ulong offset = at - allocation.Start;
            AccessShadow shadow = allocation.Shadow(offset);
            var place = new Place(launch, shadow, (int)(offset % AccessShadow.Size));
            Enter(warp, flags);
            if (launch.IsConcurrent)
                shadow.Enter();
            problem = access switch
            {
                Access.Read => Read(place, at, warp, lane, flags),
                Access.Write when (flags & AccessFlags.Strong) == 0 => Write(place, at, warp, lane),
                _ => Update(place, at, warp, lane, flags, access),
            };
            if (launch.IsConcurrent)
                shadow.Leave();
        }
        return problem;
    }

    /// <summary>The tags of a granule.</summary>
    /// <param name="launch">The launch.</param>
    /// <param name="shadow">The tags around it.</param>
    /// <param name="at">Bytes from their first.</param>
    readonly ref struct Place(LaunchOrder launch, AccessShadow shadow, int at)
    {
        int Line => at >> AccessShadow.LineShift;

        public long Writer => shadow.WrittenIn != launch.First ? 0 : Find(shadow.LinesWritten[Line], isWrite: true);

        public long Reader => shadow.ReadIn != launch.First ? 0 : Find(shadow.LinesRead[Line], isWrite: false);

        long Find(long line, bool isWrite) => line < launch.First ? 0
            : !AccessTag.IsWords(line) ? AccessTag.OfWord(line, at % AccessShadow.LineBytes / sizeof(uint))
            : (isWrite ? shadow.Written : shadow.Read)[at >> launch.GranuleShift];

        public void Set(long tag, bool isWrite)
        {
            shadow.Expand(Line, isWrite, launch.First, launch.GranuleShift);
            (isWrite ? shadow.Written : shadow.Read)[at >> launch.GranuleShift] = tag;
            (isWrite ? ref shadow.WrittenIn : ref shadow.ReadIn) = launch.First;
        }
    }

    GlobalProblem? Read(Place place, ulong address, int warp, int lane, AccessFlags flags)
    {
        bool isStrong = (flags & AccessFlags.Strong) != 0;
        long writer = place.Writer, reader = place.Reader, thread = own | (long)lane;
        if (writer >= launch.First)
        {
            if ((flags & AccessFlags.ReadOnly) != 0)
                return ReadOnly("which the same launch writes, reads");
            // Where all lanes store one value at one place, each has written what it reads.
            bool isOwn = (writer & (AccessTag.SeveralLanes | AccessTag.Atomic)) == AccessTag.SeveralLanes
                && ((writer ^ own) & (AccessTag.Block | AccessTag.SeveralBlocks | AccessTag.Warp | AccessTag.SeveralWarps)) == 0;
            if (!isOwn && !(isStrong && IsStrong(writer, flags)) && !IsAfterWriter(writer, address, warp, lane))
                return Problem(writer, warp, (writer & AccessTag.Atomic) != 0 ? "changes atomically" : "writes");
        }
        long merged = Merge(reader, thread, warp, lane) | (thread & AccessTag.Sticky);
        if (reader >= launch.First)
            merged |= (reader & AccessTag.Sticky) | (isStrong ? reader & AccessTag.Strong : 0);
        else if (isStrong)
            merged |= AccessTag.Strong;
        place.Set(merged, isWrite: false);
        return null;
    }

    GlobalProblem? Write(Place place, ulong address, int warp, int lane)
    {
        long writer = place.Writer;
        if (writer >= launch.First && !IsAfterWriter(writer, address, warp, lane))
            return Problem(writer, warp, (writer & AccessTag.Atomic) != 0 ? "changes atomically" : "writes");
        if (Readers(place.Reader, warp, lane, isStrong: false) is { } problem)
            return problem;
        place.Set(own | (long)lane, isWrite: true);
        return null;
    }

    /// <summary>An atomic operation or strong store.</summary>
    GlobalProblem? Update(Place place, ulong address, int warp, int lane, AccessFlags flags, Access access)
    {
        long writer = place.Writer, thread = own | (long)lane | AccessTag.Atomic
            | ((flags & AccessFlags.BlockScope) != 0 ? AccessTag.BlockScope : 0);
        if (writer >= launch.First && !IsAfterWriter(writer, address, warp, lane))
        {
            if ((writer & AccessTag.Atomic) == 0)
                return Problem(writer, warp, "writes");
            if (!IsStrong(writer, flags))
                return Problem(writer, warp, "changes atomically, one of them with scope .cta");
            if ((flags & AccessFlags.Sum) != 0 && access == Access.Update && !launch.AllowsSums)
                return new GlobalProblem(FaultKind.ArrivalOrder, $"which is {LaunchOrder.SumText}");
        }
        if (Readers(place.Reader, warp, lane, isStrong: true) is { } problem)
            return problem;
        place.Set(Merge(writer, thread, warp, lane) | (thread & (AccessTag.Atomic | AccessTag.BlockScope)), isWrite: true);
        Dictionary<long, long> writers = launch.At(address).Writers;
        writers[block] = Merge(writers.GetValueOrDefault(block), thread, warp, lane);
        return null;
    }

    GlobalProblem? Readers(long reader, int warp, int lane, bool isStrong)
    {
        if (reader < launch.First)
            return null;
        if ((reader & AccessTag.ReadOnly) != 0)
            return ReadOnly("which the same launch reads by ld.global.nc, writes");
        return (isStrong && (reader & AccessTag.Strong) != 0) || IsAfterReaders(reader, warp, lane) ? null : Problem(reader, warp, "reads");
    }

    /// <summary>Whether a write is an atomic operation, or strong store, for an access too: the two are no race.</summary>
    bool IsStrong(long writer, AccessFlags flags) => (writer & AccessTag.Atomic) != 0
        && (((writer & AccessTag.BlockScope) == 0 && (flags & AccessFlags.BlockScope) == 0)
            || ((writer ^ block) & (AccessTag.Block | AccessTag.SeveralBlocks)) == 0);

    /// <summary>The tag of an access and of those before that it is not behind.</summary>
    long Merge(long tag, long thread, int warp, int lane) => IsBefore(tag, warp, lane) ? thread : Join(tag, thread);

    long Join(long tag, long thread)
    {
        long differ = tag ^ thread;
        return (differ & (AccessTag.Block | AccessTag.SeveralBlocks)) != 0 ? launch.First | AccessTag.SeveralBlocks
            : (differ & (AccessTag.Warp | AccessTag.SeveralWarps)) != 0
                ? block | (Math.Max(tag & AccessTag.Segment, thread & AccessTag.Segment)) | AccessTag.SeveralWarps
            : (thread & ~AccessTag.Lane) | AccessTag.SeveralLanes;
    }

    GlobalProblem Problem(long tag, int warp, string what) => new(FaultKind.GlobalRace, $"which {Race(tag, what, warp)}");

    static GlobalProblem ReadOnly(string what) => new(FaultKind.ReadOnlyRace,
        $"{what}: ld.global.nc may bring what stood there before, or after; read it by ld.global (no __ldg, no __restrict__ const)");
}
