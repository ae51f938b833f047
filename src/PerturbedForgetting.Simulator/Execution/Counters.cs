using System.Runtime.InteropServices;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What launches of a kernel did: the quantities that a profiler of a real device counts.</summary>
public sealed class Counters
{
    static readonly int classes = Enum.GetValues<InstructionClass>().Length;

    readonly long[] warpInstructions = new long[classes], laneInstructions = new long[classes];

    internal MemoryCounters memory;

    /// <summary>Launches.</summary>
    public long Launches { get; internal set; }

    /// <summary>Threads of all launches.</summary>
    public long Threads { get; internal set; }

    /// <summary>Instructions that warps executed.</summary>
    public long WarpInstructions => warpInstructions.Sum();

    /// <summary>Instructions that lanes executed: a warp's instruction counts once for every lane that was not masked out.</summary>
    public long LaneInstructions => laneInstructions.Sum();

    /// <summary>Instructions of a class that lanes executed.</summary>
    public long LaneInstructionsOf(InstructionClass type) => laneInstructions[(int)type];

    /// <summary>Instructions of a class that warps executed.</summary>
    public long WarpInstructionsOf(InstructionClass type) => warpInstructions[(int)type];

    /// <summary>Bytes that were loaded from global memory; bytes that several lanes of a warp load with one instruction count
    /// once.</summary>
    public long BytesLoaded => memory.BytesLoaded;

    /// <summary>Bytes that were stored to global memory; bytes that several lanes of a warp store with one instruction count
    /// once.</summary>
    public long BytesStored => memory.BytesStored;

    /// <summary>32-byte sectors that the loads touched, each once a request of a warp.</summary>
    public long SectorsLoaded => memory.SectorsLoaded;

    /// <summary>32-byte sectors that the stores touched, each once a request of a warp.</summary>
    public long SectorsStored => memory.SectorsStored;

    /// <summary>Sectors that the same bytes would fill at the least, over sectors touched: 1 for coalesced access.</summary>
    public double SectorEfficiency =>
        SectorsLoaded + SectorsStored == 0 ? 1 : (double)memory.SectorsNeeded / (SectorsLoaded + SectorsStored);

    /// <summary>Requests of warps to shared memory.</summary>
    public long SharedRequests => memory.SharedRequests;

    /// <summary>Passes over shared memory beyond one a request (of 128 bytes), because lanes hit other words of one bank.</summary>
    public long BankConflicts => memory.BankConflicts;

    /// <summary>Atomic operations of lanes on global memory.</summary>
    public long Atomics => memory.Atomics;

    /// <summary>Barriers that warps reached.</summary>
    public long Barriers => WarpInstructionsOf(InstructionClass.Barrier);

    /// <summary>Multiplications and additions of a library's calls (cuBLAS, cuDNN); those of kernels are counted as instructions.</summary>
    public long FloatingPointOperations { get; private set; }

    /// <summary>Counts a call of a library, which moves whole sectors.</summary>
    internal void AddLibraryCall(long bytesLoaded, long bytesStored, long operations)
    {
        long loaded = (bytesLoaded + 31) / 32, stored = (bytesStored + 31) / 32;
        memory.Add(new MemoryCounters
        {
            BytesLoaded = bytesLoaded,
            BytesStored = bytesStored,
            SectorsLoaded = loaded,
            SectorsStored = stored,
            SectorsNeeded = loaded + stored
        });
        FloatingPointOperations += operations;
        Launches++;
    }

    /// <summary>Counts a launch of which no more is known.</summary>
    internal void AddLaunch() => Launches++;

    internal void Add(KernelProgram program, ReadOnlySpan<long> warps, ReadOnlySpan<long> lanes)
    {
        for (int i = 0; i < program.Length; i++)
        {
            int type = (int)program.Code(i).Class;
            if (type == (int)InstructionClass.Part)
                continue;
            warpInstructions[type] += warps[i];
            laneInstructions[type] += lanes[i];
        }
    }

    internal void Add(in MemoryCounters other) => memory.Add(other);

    internal void Add(Counters other)
    {
        for (int i = 0; i < classes; i++)
        {
            warpInstructions[i] += other.warpInstructions[i];
            laneInstructions[i] += other.laneInstructions[i];
        }
        memory.Add(other.memory);
        Launches += other.Launches;
        Threads += other.Threads;
        FloatingPointOperations += other.FloatingPointOperations;
    }
}

/// <summary>Counts of one worker; see <see cref="Counters"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
struct MemoryCounters
{
    public long BytesLoaded, BytesStored, SectorsLoaded, SectorsStored, SectorsNeeded, SharedRequests, BankConflicts, Atomics;

    /// <summary>Counts a warp's load: the sectors it touches, its distinct bytes.</summary>
    public void CountLoad(int sectors, int bytes)
    {
        BytesLoaded += bytes;
        SectorsLoaded += sectors;
        SectorsNeeded += (bytes + 31) / 32;
    }

    /// <inheritdoc cref="CountLoad"/>
    public void CountStore(int sectors, int bytes)
    {
        BytesStored += bytes;
        SectorsStored += sectors;
        SectorsNeeded += (bytes + 31) / 32;
    }

    public void Add(in MemoryCounters other)
    {
        BytesLoaded += other.BytesLoaded;
        BytesStored += other.BytesStored;
        SectorsLoaded += other.SectorsLoaded;
        SectorsStored += other.SectorsStored;
        SectorsNeeded += other.SectorsNeeded;
        SharedRequests += other.SharedRequests;
        BankConflicts += other.BankConflicts;
        Atomics += other.Atomics;
    }
}
