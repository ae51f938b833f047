using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>
/// SAM steps on many threads. First what a machine with more processors could gain: the step runs on one thread, its loops cut as for
/// many, and from the least time of every piece in some steps the run of all threads is worked out. It knows nothing of memory that
/// threads share and of the time that waking them takes. Then what a step costs with far more threads than processors, in turn with one
/// thread a processor.
/// </summary>
static class ThreadsSuite
{
    /// <summary>Threads of the last measurement.</summary>
    public const int Many = 64;

    const int TracedSteps = 5;

    static readonly int[] simulated = [2, 8, 16, Many];

    public static void Run(SuiteOptions options, Figures figures)
    {
        int own = Cpu.Threads;
        Console.WriteLine(
            $"{"SAM step",-32}{"threads",8}{"loops",7}{"pieces",8}{"1 thread s",12}{"outside",9}{"speed-up",10}{"of ideal",10}");
        foreach (var workload in StepSuite.Chosen(options).Where(w => w.Optimizer == "sgd"))
        {
            using var run = new StepCase(workload, StepKind.Sam);
            foreach (int threads in simulated)
                Simulate(run, workload, threads, figures);
            Oversubscribe(run, workload, own, options.Rounds, figures);
            Cpu.Threads = own;
        }
    }

    static void Simulate(StepCase run, StepWorkload workload, int threads, Figures figures)
    {
        Cpu.Threads = threads;
        for (int i = 0; i < StepCase.WarmUp; i++)
            run.Time(StepKind.Sam);
        List<long[]> least = Trace(run);
        for (int i = 1; i < TracedSteps; i++)
        {
            foreach (var (loop, again) in least.Zip(Trace(run)))
            {
                for (int j = 0; j < loop.Length; j++)
                    loop[j] = Math.Min(loop[j], again[j]);
            }
        }
        double outside = least.Sum(l => (double)l[0]) / Stopwatch.Frequency, inside = 0, together = 0;
        foreach (long[] loop in least)
        {
            double[] costs = [.. loop.Skip(1).Select(t => (double)t / Stopwatch.Frequency)];
            inside += costs.Sum();
            together += LoopTrace.Makespan(costs, threads);
        }
        double gain = (outside + inside) / (outside + together);
        figures.Add($"threads/{workload.Name}/{threads} simulated", "s", [outside + together]);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{workload.Name,-32}{threads,8}{least.Count,7}{least.Sum(l => l.Length - 1),8}{outside + inside,12:F3}"
                + $"{outside / (outside + inside),9:P2}{gain,10:F1}{gain / threads,10:P0}"));
    }

    static List<long[]> Trace(StepCase run)
    {
        var trace = new LoopTrace();
        WorkerPool.Trace = trace;
        try
        {
            run.Time(StepKind.Sam);
        }
        finally
        {
            WorkerPool.Trace = null;
        }
        return trace.Loops;
    }

    static void Oversubscribe(StepCase run, StepWorkload workload, int own, int rounds, Figures figures)
    {
        int[] threads = [own, Many];
        var (seconds, processor) = (new double[2][], new double[2][]);
        for (int i = 0; i < 2; i++)
            (seconds[i], processor[i]) = (new double[rounds], new double[rounds]);
        for (int round = -StepCase.WarmUp; round < rounds; round++)
        {
            for (int i = 0; i < 2; i++)
            {
                Cpu.Threads = threads[i];
                TimeSpan before = Environment.CpuUsage.TotalTime;
                double time = run.Time(StepKind.Sam);
                if (round >= 0)
                    (seconds[i][round], processor[i][round]) = (time, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{workload.Name,-32}{Many,8} threads on {Environment.ProcessorCount} processors: {Ratio(seconds):F2} times the time of {own}, "
            + $"{Ratio(processor):F2} times its processor time"));
        figures.Add($"threads/{workload.Name}/{Many} per {own}", "ratio", [.. seconds[1].Zip(seconds[0], (many, few) => many / few)]);
    }

    /// <summary>Median of the ratios of neighbours.</summary>
    static double Ratio(double[][] times)
    {
        double[] ratios = [.. times[1].Zip(times[0], (many, few) => many / few).Order()];
        return ratios[ratios.Length / 2];
    }
}
