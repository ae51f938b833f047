using System.Numerics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A register that an instruction of the text reads or writes.</summary>
/// <param name="At">Index of the first decoded instruction of the instruction.</param>
/// <param name="Register">Number of the register.</param>
/// <param name="IsWritten">True for a result.</param>
/// <param name="IsGuarded">True when lanes that are there may not execute the instruction and keep the value they had.</param>
readonly record struct RegisterAccess(int At, int Register, bool IsWritten, bool IsGuarded);

/// <summary>Gives the registers of a kernel their places in a warp's register file. Compilers write every value to a register of its own;
/// registers that never hold a value at the same time share a place here, so that the file stays in the processor's cache. Liveness by the
/// usual iteration over blocks, then a linear scan (M. Poletto, V. Sarkar, "Linear Scan Register Allocation", 1999). Lanes do not
/// matter: each has its part of every register, and its own way through the kernel.</summary>
sealed class RegisterPlan
{
    /// <summary>Bits of a table of liveness; beyond, every register keeps a place of its own.</summary>
    const long MostBits = 1L << 30;

    readonly int[] sizes, offsets;
    readonly IReadOnlyList<RegisterAccess> accesses;
    readonly FlowGraph graph;

    /// <param name="sizes">Bytes of each register in the file.</param>
    /// <param name="accesses">Accesses in the order of the instructions.</param>
    /// <param name="graph">The kernel's control flow.</param>
    public RegisterPlan(int[] sizes, IReadOnlyList<RegisterAccess> accesses, FlowGraph graph)
    {
        (this.sizes, this.accesses, this.graph) = (sizes, accesses, graph);
        offsets = new int[sizes.Length];
        var lives = new (int First, int Last)[sizes.Length];
        if ((long)sizes.Length * graph.Blocks > MostBits)
            Array.Fill(lives, (0, int.MaxValue));
        else
            FindLives(lives);
        Scan(lives);
    }

    /// <summary>Place of a register.</summary>
    public int Offset(int register) => offsets[register];

    /// <summary>Bytes that the places fill.</summary>
    public int Bytes { get; private set; }

    /// <summary>The most 32-bit registers that are in use at once; predicates do not count.</summary>
    public int Pressure { get; private set; }

    int Words => (sizes.Length + 63) / 64;

    /// <summary>First and last instruction where each register holds a value or is written.</summary>
    void FindLives((int First, int Last)[] lives)
    {
        Array.Fill(lives, (int.MaxValue, -1));
        ulong[][] liveIn = FindLiveIn();
        var live = new ulong[Words];
        for (int b = 0; b < graph.Blocks; b++)
        {
            SetLiveOut(b, liveIn, live);
            Extend(lives, live, graph.Ends[b] - 1);
            Extend(lives, liveIn[b], graph.Starts[b]);
        }
        foreach (RegisterAccess access in accesses)
            Extend(ref lives[access.Register], access.At);
    }

    static void Extend(ref (int First, int Last) life, int at) => life = (Math.Min(life.First, at), Math.Max(life.Last, at));

    static void Extend((int First, int Last)[] lives, ulong[] registers, int at)
    {
        for (int w = 0; w < registers.Length; w++)
        {
            for (ulong rest = registers[w]; rest != 0; rest &= rest - 1)
                Extend(ref lives[(64 * w) + BitOperations.TrailingZeroCount(rest)], at);
        }
    }

    ulong[][] FindLiveIn()
    {
        int blocks = graph.Blocks, at = 0;
        ulong[][] read = new ulong[blocks][], written = new ulong[blocks][], liveIn = new ulong[blocks][];
        for (int b = 0; b < blocks; b++)
        {
            (read[b], written[b], liveIn[b]) = (new ulong[Words], new ulong[Words], new ulong[Words]);
            int begin = at;
            while (at < accesses.Count && accesses[at].At < graph.Ends[b])
                at++;
            Summarise(begin, at, read[b], written[b]);
        }
        var live = new ulong[Words];
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int b = blocks - 1; b >= 0; b--)
            {
                SetLiveOut(b, liveIn, live);
                for (int w = 0; w < live.Length; w++)
                {
                    ulong now = read[b][w] | (live[w] & ~written[b][w]);
                    changed |= now != liveIn[b][w];
                    liveIn[b][w] = now;
                }
            }
        }
        return liveIn;
    }

    /// <summary>Registers that a block reads before it writes them, and those that it writes for every lane.</summary>
    void Summarise(int begin, int end, ulong[] read, ulong[] written)
    {
        for (int next; begin < end; begin = next)
        {
            for (next = begin; next < end && accesses[next].At == accesses[begin].At; next++)
            {
                (int word, ulong bit) = (accesses[next].Register >> 6, 1ul << accesses[next].Register);
                if (!accesses[next].IsWritten && (written[word] & bit) == 0)
                    read[word] |= bit;
            }
            for (int a = begin; a < next; a++)
            {
                if (accesses[a].IsWritten && !accesses[a].IsGuarded)
                    written[accesses[a].Register >> 6] |= 1ul << accesses[a].Register;
            }
        }
    }

    void SetLiveOut(int block, ulong[][] liveIn, ulong[] live)
    {
        Array.Clear(live);
        foreach (int successor in graph.Successors[block])
        {
            for (int w = 0; w < live.Length; w++)
                live[w] |= liveIn[successor][w];
        }
    }

    /// <summary>A register begins in a place whose last one has ended: what an instruction writes never takes the place of what it reads,
    /// since lanes are written one after the other.</summary>
    void Scan((int First, int Last)[] lives)
    {
        Dictionary<int, Stack<int>> free = [];
        PriorityQueue<int, int> inUse = new();
        int units = 0;
        foreach (int register in Enumerable.Range(0, sizes.Length).OrderBy(r => lives[r].First))
        {
            while (inUse.TryPeek(out int ended, out int last) && last < lives[register].First)
            {
                inUse.Dequeue();
                free[sizes[ended]].Push(offsets[ended]);
                units -= Units(ended);
            }
            if (!free.TryGetValue(sizes[register], out Stack<int>? places))
                free[sizes[register]] = places = [];
            if (!places.TryPop(out int place))
                (place, Bytes) = (Bytes, checked(Bytes + sizes[register]));
            offsets[register] = place;
            inUse.Enqueue(register, lives[register].Last);
            units += Units(register);
            Pressure = Math.Max(Pressure, units);
        }
    }

    int Units(int register) => sizes[register] / (4 * Warp.Lanes);
}
