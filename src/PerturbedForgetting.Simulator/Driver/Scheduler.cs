using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>
/// Runs the operations of a context. Nothing runs before something waits for it, so that a host that forgets to wait sees old bytes;
/// then runs what the awaited operation depends on, in the order of issue, or, with a seed, whatever may come next, at random.
/// </summary>
/// <param name="seed">Chooses among the orders; null for the order of issue.</param>
/// <param name="beforeEach">Called before an operation runs; a fault it throws is the operation's.</param>
/// <param name="resume">Called when the host goes on after other calls were let in; throws where the context is gone.</param>
sealed class Scheduler(int? seed, Action beforeEach, Action resume) : IOperationOrder
{
    // Bounds memory, and the depth of the recursion below.
    const int MostPending = 4096;

    readonly Random? random = seed is { } value ? new Random(value) : null;
    readonly List<Lane> lanes = [new(0, "no stream")];
    readonly Stack<Lane> unused = new();
    readonly List<Operation> joint = [];
    Operation? running;
    int pending;

    /// <summary>Orders are drawn at random.</summary>
    public bool IsShuffled => random is not null;

    /// <summary>Called when the host knows more to be finished.</summary>
    public Action<long[]>? HostKnows { get; set; }

    /// <summary>What the host knows to be finished.</summary>
    public long[] HostClock { get; private set; } = [];

    /// <summary>Operations that did not run yet.</summary>
    public int Pending => pending;

    /// <summary>Queues in use beside the first, which stands for none.</summary>
    public int LaneCount => lanes.Count - 1 - unused.Count;

    public Lane Open(string name)
    {
        if (unused.TryPop(out Lane? lane))
            lane.Name = name;
        else
            lanes.Add(lane = new Lane(lanes.Count, name));
        return lane;
    }

    /// <summary>Finishes a queue's work and lets another stream have the queue.</summary>
    public void Close(Lane lane)
    {
        Complete(lane.Last);
        unused.Push(lane);
    }

    public Operation Issue(Lane lane, string what, long[] after, IReadOnlyList<Operation> dependencies, Action<Operation> work,
        JointWork? others = null)
    {
        long[] clock = VectorClock.Join(VectorClock.Join(lane.Clock, after), HostClock);
        Operation operation = lane.Issue(what, clock, dependencies, work, others);
        pending++;
        if (others is not null)
            Entry.Change(() => joint.Add(operation));
        if (pending > MostPending && !Step())
            AwaitOthers();
        return operation;
    }

    /// <summary>Runs what joint work needs, and joint work itself, as far as that goes without other devices.</summary>
    /// <exception cref="DeviceFault">An operation that ran did something wrong.</exception>
    public void Advance()
    {
        foreach (Operation operation in joint)
        {
            while (!operation.IsDone && TryRun(operation))
            {
            }
        }
        joint.RemoveAll(static operation => operation.IsDone);
    }

    /// <summary>Runs until an operation is done.</summary>
    /// <exception cref="DeviceFault">An operation that ran did something wrong.</exception>
    public void Complete(Operation? operation)
    {
        while (operation is { IsDone: false })
        {
            if (!TryRun(operation))
                AwaitOthers();
        }
    }

    void AwaitOthers()
    {
        Entry.AwaitChange();
        resume();
    }

    // What an operation needs, or in a drawn order whatever may come next; false where all of it waits for other devices.
    bool TryRun(Operation operation) => random is null ? RunUpTo(operation) : Step();

    /// <summary>The host waited for an operation, so that all it does from now on comes after it.</summary>
    public void HostWaits(Operation? operation)
    {
        Complete(operation);
        if (operation is null)
            return;
        HostClock = VectorClock.Join(HostClock, operation.Clock);
        HostKnows?.Invoke(HostClock);
    }

    /// <summary>The host waits for everything.</summary>
    public void HostWaitsForAll()
    {
        // Other calls that are let in may open queues.
        foreach (Lane lane in lanes.ToArray())
            HostWaits(lane.Last);
    }

    /// <summary>Runs one operation that may run now, if there is one.</summary>
    bool Step()
    {
        Lane[] ready = [.. lanes.Where(lane => lane.Next is { IsAwaitingOthers: false } next && next.Dependencies.All(d => d.IsDone))];
        if (ready.Length == 0)
            return false;
        Run(random is null ? ready[0] : ready[random.Next(ready.Length)]);
        return true;
    }

    /// <summary>Forgets all work: the context is lost.</summary>
    public void Drop()
    {
        foreach (Lane lane in lanes)
            lane.Drop();
        joint.Clear();
        pending = 0;
    }

    public bool IsOrdered(long earlier, long later) =>
        running is null || running.Id != later || running.IsAfter(earlier);

    public string Describe(long operation) => lanes[Operation.LaneOf(operation)].Describe(Operation.SequenceOf(operation));

    bool RunUpTo(Operation operation)
    {
        Operation next = operation.Lane.Next!;
        foreach (Operation dependency in next.Dependencies)
        {
            while (!dependency.IsDone)
            {
                if (!RunUpTo(dependency))
                    return false;
            }
        }
        if (next.IsAwaitingOthers)
            return false;
        Run(operation.Lane);
        return true;
    }

    // Joint work is run twice: its beginning, and its end when that has arrived.
    void Run(Lane lane)
    {
        Operation operation = lane.Next!;
        running = operation;
        try
        {
            if (operation.Joint is { HasBegun: false } others)
            {
                beforeEach();
                others.Begin(operation);
                return;
            }
            lane.Take();
            pending--;
            if (operation.Joint is null)
                beforeEach();
            operation.Execute();
        }
        finally
        {
            running = null;
        }
    }
}
