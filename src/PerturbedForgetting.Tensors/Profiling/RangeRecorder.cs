using System.Diagnostics;

namespace PerturbedForgetting.Tensors.Profiling;

/// <summary>Records the ranges of one thread.</summary>
/// <param name="origin">Ticks of <see cref="Stopwatch"/> that count as 0.</param>
sealed class RangeRecorder(long origin) : IRangeListener
{
    readonly int thread = Environment.CurrentManagedThreadId;
    readonly List<RangeRecord> records = [];
    readonly Stack<int> open = new();
    int passDepth = -1;

    /// <summary>The ranges that ended, in the order of their beginning.</summary>
    public IReadOnlyList<RangeRecord> Records => [.. records.Where(static r => r.Duration >= 0)];

    /// <summary>The outermost pass under way.</summary>
    public string? Pass { get; private set; }

    public void Push(RangeKind kind, string name)
    {
        if (Environment.CurrentManagedThreadId != thread)
            return;
        if (kind == RangeKind.Pass && Pass is null)
            (Pass, passDepth) = (name, open.Count);
        open.Push(records.Count);
        records.Add(new(kind, name, open.Count - 1, Now, -1));
    }

    public void Pop()
    {
        if (Environment.CurrentManagedThreadId != thread || !open.TryPop(out int index))
            return;
        records[index] = records[index] with { Duration = Now - records[index].Start };
        if (open.Count == passDepth)
            (Pass, passDepth) = (null, -1);
    }

    double Now => Stopwatch.GetElapsedTime(origin).TotalMicroseconds;

    /// <summary>Time by operation, without that of the operations inside it.</summary>
    public static IReadOnlyList<ProfileEntry> Summarize(IReadOnlyList<RangeRecord> ranges)
    {
        Dictionary<string, (int Calls, double Microseconds)> sums = [];
        // Operations around the one at hand.
        Stack<RangeRecord> around = new();
        foreach (var range in ranges)
        {
            while (around.TryPeek(out var outer) && outer.Depth >= range.Depth)
                around.Pop();
            if (range.Kind != RangeKind.Operation)
                continue;
            if (around.TryPeek(out var parent))
                Add(parent.Name, 0, -range.Duration);
            Add(range.Name, 1, range.Duration);
            around.Push(range);
        }
        return [.. sums.Select(static s => new ProfileEntry(s.Key, s.Value.Calls, s.Value.Microseconds, default))
            .OrderByDescending(static e => e.Microseconds)];

        void Add(string name, int calls, double microseconds)
        {
            var sum = sums.GetValueOrDefault(name);
            sums[name] = (sum.Calls + calls, sum.Microseconds + microseconds);
        }
    }
}
