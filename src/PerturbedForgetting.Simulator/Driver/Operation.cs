namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Work of a stream: a kernel, a copy, an event.</summary>
/// <param name="lane">The queue it stands in.</param>
/// <param name="sequence">Its number in that queue, from 1.</param>
/// <param name="name">What it is, for messages.</param>
/// <param name="clock">For each queue, the number of the last operation that is finished before this one begins.</param>
/// <param name="dependencies">Operations of other queues that it waits for.</param>
/// <param name="work">What it does.</param>
/// <param name="joint">What other devices do in it; null for work of this one alone.</param>
sealed class Operation(Lane lane, long sequence, string name, long[] clock, IReadOnlyList<Operation> dependencies, Action<Operation> work,
    JointWork? joint)
{
    const int SequenceBits = 40;

    public Lane Lane => lane;

    public string Name => name;

    public long[] Clock => clock;

    public IReadOnlyList<Operation> Dependencies => dependencies;

    /// <summary>Names the operation in the memory's history of accesses; never 0.</summary>
    public long Id => ((long)lane.Index << SequenceBits) | sequence;

    /// <summary>What other devices do in it; null for work of this one alone.</summary>
    public JointWork? Joint => joint;

    /// <summary>Whether it waits for other devices.</summary>
    public bool IsAwaitingOthers => joint is { HasBegun: true, HasArrived: false };

    public bool IsDone { get; private set; }

    public void Execute()
    {
        IsDone = true;
        work(this);
    }

    /// <summary>Counts as done although it never ran: the context is lost.</summary>
    public void Drop() => IsDone = true;

    /// <summary>Whether the operation of an id is finished before this one begins.</summary>
    public bool IsAfter(long id) => VectorClock.Covers(clock, id);

    public static int LaneOf(long id) => (int)(id >> SequenceBits);

    public static long SequenceOf(long id) => id & ((1L << SequenceBits) - 1);
}

/// <summary>A queue of operations that run one after the other: a stream, or a branch of a graph.</summary>
sealed class Lane(int index, string name)
{
    const int Remembered = 1024;

    readonly Queue<Operation> pending = new();
    readonly string[] names = new string[Remembered];
    long issued;

    public int Index => index;

    public string Name { get; set; } = name;

    public Operation? Last { get; private set; }

    public Operation? Next => pending.TryPeek(out Operation? next) ? next : null;

    /// <summary>What is finished before the next operation begins.</summary>
    public long[] Clock { get; set; } = [];

    public Operation Issue(string what, long[] clock, IReadOnlyList<Operation> dependencies, Action<Operation> work, JointWork? joint)
    {
        long sequence = ++issued;
        names[sequence % Remembered] = what;
        clock = VectorClock.With(clock, index, sequence);
        var operation = new Operation(this, sequence, what, clock, dependencies, work, joint);
        Clock = clock;
        pending.Enqueue(operation);
        Last = operation;
        return operation;
    }

    public void Take() => pending.Dequeue();

    public void Drop()
    {
        while (pending.TryDequeue(out Operation? operation))
            operation.Drop();
    }

    /// <summary>An operation of this queue in words.</summary>
    public string Describe(long sequence) =>
        sequence > issued - Remembered && sequence <= issued
        ? $"{names[sequence % Remembered]} on {Name}"
        : $"an earlier operation on {Name}";
}

/// <summary>For each queue the number of an operation that is known to be finished. The arrays are never changed once they are
/// shared.</summary>
static class VectorClock
{
    public static long[] Join(long[] a, long[] b)
    {
        if (a.Length < b.Length)
            (a, b) = (b, a);
        bool covers = true;
        for (int i = 0; i < b.Length; i++)
            covers &= a[i] >= b[i];
        if (covers)
            return a;
        long[] joined = [.. a];
        for (int i = 0; i < b.Length; i++)
            joined[i] = Math.Max(joined[i], b[i]);
        return joined;
    }

    /// <summary>Whether the operation of an id is finished.</summary>
    public static bool Covers(long[] clock, long id)
    {
        int index = Operation.LaneOf(id);
        return index < clock.Length && clock[index] >= Operation.SequenceOf(id);
    }

    public static long[] With(long[] clock, int index, long sequence)
    {
        long[] changed = new long[Math.Max(clock.Length, index + 1)];
        clock.CopyTo(changed, 0);
        changed[index] = sequence;
        return changed;
    }
}
