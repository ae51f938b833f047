using System.Diagnostics;

namespace Benchmarks;

/// <summary>
/// Times of some alternatives, taken in turn so that a slow moment of the machine meets all of them.
/// The minimum is what the code can do; the median is what it did.
/// </summary>
static class Timing
{
    const double WarmUpSeconds = 0.3;

    /// <summary>
    /// Whether to count processor time of all threads instead of elapsed time: for comparisons with one thread on a
    /// machine that is busy with other work.
    /// </summary>
    public static bool ProcessorTime { get; set; }

    // Short enough that some windows fall between the interruptions of a busy machine.
    const double WindowSeconds = 0.002;

    /// <summary>Seconds of one call: minimum and median of all rounds.</summary>
    public readonly record struct Result(double Minimum, double Median, int Runs)
    {
        /// <summary>Seconds of one of several things that a call does.</summary>
        public static Result operator /(Result call, double things) => new(call.Minimum / things, call.Median / things, call.Runs);
    }

    /// <summary>Warms every action up until its code is compiled for good, then times them in turn.</summary>
    public static Result[] Alternate(int rounds, params Action[] actions) => Alternate(rounds, TimeSpan.Zero, actions);

    /// <summary>The same where each turn begins with calls that are not timed, in which threads that another library has left spinning go
    /// to sleep.</summary>
    public static Result[] Alternate(int rounds, TimeSpan untimed, params Action[] actions)
    {
        int[] calls = Array.ConvertAll(actions, WarmUp);
        double[][] seconds = Array.ConvertAll(actions, _ => new double[rounds]);
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < actions.Length; i++)
            {
                for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < untimed;)
                    actions[i]();
                seconds[i][round] = Time(actions[i], calls[i]);
            }
        }
        return Array.ConvertAll(seconds, values =>
        {
            Array.Sort(values);
            return new Result(values[0], values[rounds / 2], rounds);
        });
    }

    // Returns the calls that take about a window together.
    static int WarmUp(Action action)
    {
        var clock = Stopwatch.StartNew();
        int calls = 0;
        for (; clock.Elapsed.TotalSeconds < WarmUpSeconds || calls < 3; calls++)
            action();
        return Math.Max(1, (int)(WindowSeconds * calls / clock.Elapsed.TotalSeconds));
    }

    static double Time(Action action, int calls)
    {
        double start = Now();
        for (int i = 0; i < calls; i++)
            action();
        return (Now() - start) / calls;
    }

    /// <summary>Seconds by the clock that counts.</summary>
    public static double Now() => ProcessorTime
        ? Environment.CpuUsage.TotalTime.TotalSeconds
        : (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;
}
