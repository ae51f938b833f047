namespace PerturbedForgetting.Simulator.Driver;

/// <summary>A stream: a queue of the scheduler with the rules of the default stream, or, while it is captured, a maker of graph
/// nodes.</summary>
sealed class SimulatedStream(SimulatedContext context, string name, bool isBlocking)
{
    public SimulatedContext Context => context;

    public Lane Lane { get; } = context.Scheduler.Open(name);

    public string Name => name;

    public bool IsBlocking => isBlocking;

    /// <summary>The capture that the stream takes part in.</summary>
    public Capture? Capture { get; set; }

    /// <summary>While captured: the nodes that the next one comes after.</summary>
    public IReadOnlyList<int> CapturedTail { get; set; } = [];

    bool IsDefault => this == context.DefaultStream;

    /// <summary>Puts work on the stream.</summary>
    /// <param name="what">The work in words.</param>
    /// <param name="work">What it does.</param>
    /// <param name="begin">Called when it is put on a stream: now, or, while captured, by each launch of the graph.</param>
    public void Enqueue(string what, Action<Operation> work, Action? begin = null)
    {
        if (Capture is { } capture)
        {
            capture.CheckActive();
            CapturedTail = [capture.Graph.Add(new GraphNode(what, work, begin, CapturedTail))];
            return;
        }
        if (IsBlocking)
            context.Captures.RefuseImplicit(this);
        begin?.Invoke();
        Issue(what, work, []);
    }

    /// <summary>Puts work on the stream that other devices take part in.</summary>
    /// <param name="what">The work in words.</param>
    /// <param name="make">Makes it when it is put on a stream: now, or, while captured, by each launch of the graph.</param>
    /// <param name="owner">What must outlive a graph that holds the work.</param>
    public void Enqueue(string what, Func<JointWork> make, object owner)
    {
        if (Capture is { } capture)
        {
            capture.CheckActive();
            CapturedTail = [capture.Graph.Add(new GraphNode(what, static _ => { }, null, CapturedTail) { Joint = make, Owner = owner })];
            return;
        }
        if (IsBlocking)
            context.Captures.RefuseImplicit(this);
        JointWork joint = make();
        Issue(what, joint.Finish, [], joint);
    }

    /// <summary>Puts work on the stream that also waits for other operations.</summary>
    public Operation Issue(string what, Action<Operation> work, IReadOnlyList<Operation> also, JointWork? joint = null)
    {
        List<Operation> dependencies = [.. also.Where(o => !o.IsDone)];
        long[] after = [];
        foreach (Operation operation in also)
            after = VectorClock.Join(after, operation.Clock);
        foreach (SimulatedStream other in ImplicitlyAwaited())
        {
            after = VectorClock.Join(after, other.Lane.Clock);
            if (other.Lane.Last is { IsDone: false } last)
                dependencies.Add(last);
        }
        return context.Scheduler.Issue(Lane, what, after, dependencies, work, joint);
    }

    /// <summary>The host waits for all work of the stream.</summary>
    public void Synchronize() => context.Scheduler.HostWaits(Lane.Last);

    IEnumerable<SimulatedStream> ImplicitlyAwaited() =>
        IsDefault ? context.Streams.Where(s => s != this && s.IsBlocking)
        : IsBlocking ? [context.DefaultStream]
        : [];
}

/// <summary>An event: a mark in a stream, or in a capture.</summary>
sealed class SimulatedEvent(bool isTimed)
{
    public bool IsTimed => isTimed;

    /// <summary>The operation that the last record made; null while there was none.</summary>
    public Operation? Recorded { get; set; }

    /// <summary>When it was reached, in ticks of the host's clock.</summary>
    public long Timestamp { get; set; }

    /// <summary>The capture in which it was recorded last, and the nodes it stands behind.</summary>
    public Capture? Capture { get; set; }

    public IReadOnlyList<int> CapturedNodes { get; set; } = [];
}
