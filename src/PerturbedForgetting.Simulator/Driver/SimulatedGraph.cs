using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>One operation of a graph.</summary>
/// <param name="Name">The operation in words.</param>
/// <param name="Work">What it does.</param>
/// <param name="Begin">Called when a launch puts it on a stream.</param>
/// <param name="Dependencies">Earlier nodes that it waits for.</param>
sealed record GraphNode(string Name, Action<Operation> Work, Action? Begin, IReadOnlyList<int> Dependencies)
{
    /// <summary>Makes the part of other devices for each launch; null for work of this one alone.</summary>
    public Func<JointWork>? Joint { get; init; }

    /// <summary>What must outlive the graph.</summary>
    public object? Owner { get; init; }
}

/// <summary>Recorded operations with their order.</summary>
sealed class SimulatedGraph
{
    readonly List<GraphNode> nodes = [];
    readonly List<nint> handles = [];

    public IReadOnlyList<GraphNode> Nodes => nodes;

    public int Add(GraphNode node)
    {
        nodes.Add(node);
        handles.Add(0x7000_0000 + (16 * nodes.Count));
        return nodes.Count - 1;
    }

    public IReadOnlyList<nint> NodeHandles => handles;

    /// <summary>Whether it holds work of something.</summary>
    public bool Holds(object owner) => nodes.Any(node => node.Owner == owner);
}

/// <summary>A graph that is ready to run: its nodes are spread over branches, each a queue of the scheduler.</summary>
sealed class SimulatedGraphExecutable : IDisposable
{
    readonly SimulatedContext context;
    readonly GraphNode[] nodes;
    readonly int[] branchOf;
    readonly Lane[] branches;

    public SimulatedGraphExecutable(SimulatedContext context, SimulatedGraph graph)
    {
        this.context = context;
        nodes = [.. graph.Nodes];
        branchOf = new int[nodes.Length];
        // Branch 0 is the stream of the launch. A node goes on with the branch of its first dependency that no other node goes on with.
        List<int> lastOf = [-1];
        for (int n = 0; n < nodes.Length; n++)
        {
            int branch = nodes[n].Dependencies.Count == 0 ? (lastOf[0] < 0 ? 0 : -1)
                : nodes[n].Dependencies.Select(d => branchOf[d]).FirstOrDefault(b => nodes[n].Dependencies.Contains(lastOf[b]), -1);
            if (branch < 0)
            {
                branch = lastOf.Count;
                lastOf.Add(-1);
            }
            branchOf[n] = branch;
            lastOf[branch] = n;
        }
        branches = [.. Enumerable.Range(1, lastOf.Count - 1).Select(b => context.Scheduler.Open($"branch {b} of a graph"))];
        if (branches.Length > 0)
            context.WatchOrder();
    }

    /// <summary>Whether it holds work of something.</summary>
    public bool Holds(object owner) => nodes.Any(node => node.Owner == owner);

    /// <summary>Puts all nodes on a stream.</summary>
    public void Launch(SimulatedStream stream)
    {
        if (stream.Capture is not null)
            throw new SimulatedError(CudaResult.NotSupported, "the software GPU does not record the launch of a graph into another graph");
        if (stream.IsBlocking)
            context.Captures.RefuseImplicit(stream);
        // Other streams' implicit waits are those of an operation of this stream.
        Operation start = stream.Issue("start of a graph", static _ => { }, []);
        var issued = new Operation[nodes.Length];
        for (int n = 0; n < nodes.Length; n++)
        {
            GraphNode node = nodes[n];
            Operation[] awaited = node.Dependencies.Count == 0 ? [start] : [.. node.Dependencies.Select(d => issued[d])];
            node.Begin?.Invoke();
            JointWork? others = node.Joint?.Invoke();
            Lane lane = branchOf[n] == 0 ? stream.Lane : branches[branchOf[n] - 1];
            long[] after = awaited.Aggregate(Array.Empty<long>(), (clock, o) => VectorClock.Join(clock, o.Clock));
            issued[n] = context.Scheduler.Issue(lane, node.Name, after, [.. awaited.Where(o => !o.IsDone)],
                others is null ? node.Work : others.Finish, others);
        }
        if (branches.Length > 0)
            stream.Issue("end of a graph", static _ => { }, issued);
    }

    public void Dispose()
    {
        foreach (Lane lane in branches)
            context.Scheduler.Close(lane);
    }
}
