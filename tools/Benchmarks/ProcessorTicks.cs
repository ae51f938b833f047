using System.Globalization;

namespace Benchmarks;

/// <summary>What the system has counted of its processors at one moment, in ticks.</summary>
/// <param name="Total">Of all processors since the system started.</param>
/// <param name="Idle">Of these, without work.</param>
/// <param name="Stolen">Of these, taken by the hypervisor for other machines.</param>
/// <param name="Own">Of this process, and of the processes that it started and that have ended.</param>
/// <param name="Load">Average number of threads that wanted a processor in the last minute.</param>
readonly record struct ProcessorTicks(long Total, long Idle, long Stolen, long Own, double Load)
{
    // Of the line "cpu": user, nice, system, idle, iowait, irq, softirq, steal; what guests had is part of user and nice.
    const int Counted = 8, IdleField = 3, WaitField = 4, StealField = 7;

    // Of a process, after its name: user and system time, its own and that of children that were waited for.
    const int OwnField = 11, OwnFields = 4;

    /// <summary>This moment; null where the system does not tell (other than Linux).</summary>
    public static ProcessorTicks? Now()
    {
        try
        {
            return Parse(File.ReadAllText("/proc/stat"), File.ReadAllText("/proc/self/stat"), File.ReadAllText("/proc/loadavg"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Reads the texts of /proc/stat, /proc/self/stat and /proc/loadavg; null where they are not as they should be.</summary>
    internal static ProcessorTicks? Parse(string machine, string process, string load)
    {
        long[]? processors = Numbers(Words(machine.Split('\n', 2)[0]), "cpu", 1, Counted);
        long[]? own = Numbers(Words(process[(process.LastIndexOf(')') + 1)..]), null, OwnField, OwnFields);
        return processors is null || own is null
            || !double.TryParse(load.Split(' ', 2)[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double average)
            ? null
            : new(processors.Sum(), processors[IdleField] + processors[WaitField], processors[StealField], own.Sum(), average);
    }

    static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    static long[]? Numbers(string[] words, string? title, int first, int count)
    {
        if (words.Length < first + count || (title is not null && words[0] != title))
            return null;
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++)
        {
            if (!long.TryParse(words[first + i], CultureInfo.InvariantCulture, out numbers[i]))
                return null;
        }
        return numbers;
    }
}
