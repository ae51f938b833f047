namespace DeviceBenchmark.Checklist;

/// <summary>A part of the checklist: a process of its own, so that a device that it leaves unusable is its own affair.</summary>
/// <param name="Name">Its name; groups of a kind are <c>kind.group</c>.</param>
/// <param name="Least">Seconds below which it is not worth beginning.</param>
/// <param name="Most">Seconds after which it has hung.</param>
/// <param name="Command">Program and arguments, for a part that has so many seconds.</param>
sealed record Part(string Name, double Least, double Most, Func<double, string[]> Command)
{
    /// <summary>Asks the machine why the part cannot run here; null when it can.</summary>
    public Func<string?> WhyLeftOut { get; init; } = static () => null;
}

/// <summary>What became of a part.</summary>
enum PartState
{
    /// <summary>Ran to its end, all good.</summary>
    Ok,
    /// <summary>Ran to its end; something was not good.</summary>
    Failed,
    /// <summary>Stopped itself at a code after which nothing works in its process.</summary>
    Sticky,
    /// <summary>Stopped itself when its time was over.</summary>
    OutOfTime,
    /// <summary>Was ended: it did not stop by itself.</summary>
    Killed,
    /// <summary>Ended by a signal, or with a code that it does not have.</summary>
    Died,
    /// <summary>Not begun: too little time was left.</summary>
    Cut,
    /// <summary>Cannot run on this machine.</summary>
    LeftOut,
}

/// <summary>Shares the time that is left among the parts that are left.</summary>
static class Schedule
{
    /// <summary>
    /// Seconds for the next part; 0 when it is to be cut. By rank, every part that still fits keeps its least time; what is left over is
    /// divided in proportion to what each could use beyond that.
    /// </summary>
    /// <param name="parts">The parts that are left, the most valuable first; the next one is the first.</param>
    /// <param name="seconds">Seconds that are left.</param>
    public static double SecondsOfNext(IReadOnlyList<Part> parts, double seconds)
    {
        double least = 0, more = 0;
        bool hasNext = false;
        for (int i = 0; i < parts.Count; i++)
        {
            if (least + parts[i].Least > seconds)
                continue;
            least += parts[i].Least;
            more += parts[i].Most - parts[i].Least;
            hasNext |= i == 0;
        }
        if (!hasNext)
            return 0;
        double share = more > 0 ? Math.Min(1, (seconds - least) / more) : 0;
        return parts[0].Least + (share * (parts[0].Most - parts[0].Least));
    }
}
