namespace PerturbedForgetting.Tensors.Profiling;

/// <summary>What a range of the host's time is spent on.</summary>
public enum RangeKind
{
    /// <summary>A training step, or a batch of an evaluation.</summary>
    Step,

    /// <summary>A part of a step: input, perturb, descend, update, backward.</summary>
    Pass,

    /// <summary>A call of a module.</summary>
    Module,

    /// <summary>An operation on tensors, forward or backward.</summary>
    Operation,
}

/// <summary>Hears of ranges, which nest on each thread.</summary>
public interface IRangeListener
{
    /// <summary>A range begins on this thread.</summary>
    void Push(RangeKind kind, string name);

    /// <summary>The innermost range of this thread ends.</summary>
    void Pop();
}

/// <summary>Named ranges of the host's time, for profilers. While nobody listens a range costs a load and a branch.</summary>
/// <example><code>
/// using var range = Ranges.Push(RangeKind.Pass, "update");
/// </code></example>
public static class Ranges
{
    static readonly Lock gate = new();
    static volatile IRangeListener[]? listeners;

    /// <summary>Whether somebody listens, so that a name is worth making.</summary>
    public static bool IsOn => listeners is not null;

    /// <summary>Begins a range, which lasts until the result is disposed.</summary>
    public static Range Push(RangeKind kind, string name)
    {
        if (listeners is not { } all)
            return default;
        foreach (var listener in all)
            listener.Push(kind, name);
        return new Range(all);
    }

    /// <summary>Begins the range of an operation.</summary>
    public static Range Operation(string name) => Push(RangeKind.Operation, name);

    /// <summary>Lets somebody hear of the ranges that begin from now on.</summary>
    public static void Add(IRangeListener listener)
    {
        lock (gate)
            listeners = [.. listeners ?? [], listener];
    }

    /// <summary>Lets a listener go. It still hears the end of ranges whose beginning it heard.</summary>
    public static void Remove(IRangeListener listener)
    {
        lock (gate)
            listeners = listeners?.Where(l => l != listener).ToArray() is { Length: > 0 } left ? left : null;
    }

    /// <summary>A range under way.</summary>
    public readonly ref struct Range
    {
        readonly IRangeListener[]? all;

        internal Range(IRangeListener[] all) => this.all = all;

        /// <summary>Ends it.</summary>
        public void Dispose()
        {
            if (all is null)
                return;
            foreach (var listener in all)
                listener.Pop();
        }
    }
}
