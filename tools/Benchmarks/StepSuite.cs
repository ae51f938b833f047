using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>
/// Whole training steps on random images: plain, SAM, OBF and GSAM in turn, step by step, so that a slow moment of the machine meets all
/// of them; ratios are medians of the ratios of neighbours. Beside them the floor (what the arithmetic and the memory traffic of a SAM
/// step must cost), the peak of the memory of a process that makes SAM steps, and with <c>--peer</c> another program's time and peak.
/// </summary>
sealed class StepSuite
{
    const double RoundSeconds = 2;
    const int OwnSteps = 3, PeerSteps = 5;

    static readonly StepKind[] kinds = Enum.GetValues<StepKind>();

    static readonly StepWorkload[] Workloads =
    [
        new("resnet50", "resnet50", 8, 64), new("resnet50", "resnet50", 8, 224), new("vit_small_patch32_224", "vit_small_patch32", 8, 224),
        new("resnet18_cifar", "resnet18", 32, 32), new("vit_tiny_patch4_32", "vit_tiny_patch4", 32, 32), new("resnet20", "", 128, 32),
        new("vit_small_patch32_224", "", 8, 224, "adamw"), new("vit_tiny_patch4_32", "", 32, 32, "adamw"),
    ];

    // So small that it measures nothing.
    static readonly StepWorkload trial = new("resnet20", "", 2, 16);

    readonly StepWorkload workload;
    readonly StepRoof roof;
    readonly Dictionary<StepKind, List<double>> seconds = kinds.ToDictionary(k => k, _ => new List<double>());
    readonly List<StepProcess.Cost> peer = [];

    StepSuite(StepWorkload workload, StepRoof roof) => (this.workload, this.roof) = (workload, roof);

    /// <summary>What is asked for; "trial" is one small case, which shows in a moment that everything works.</summary>
    internal static IEnumerable<StepWorkload> Chosen(SuiteOptions options) =>
        options.Prefix == "trial" ? [trial] : Workloads.Where(w => options.Includes(w.Name));

    public static void Run(SuiteOptions options, Figures figures)
    {
        var wanted = Chosen(options).ToArray();
        if (wanted.Length == 0)
            return;
        StepRoof roof = new(Roof.Arithmetic().Minimum, Roof.Memory().Minimum);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"roof: {1 / roof.Arithmetic:F0} GFLOP/s, copy {1 / roof.Memory:F0} GB/s; ratios: median ± half the distance of the "
            + $"quartiles"));
        if (options.Peer is not null && StepPeer.Variables(SimdLevel.Current) is { Count: > 0 } variables)
            Console.WriteLine($"peer: {string.Join(' ', variables.Select(v => $"{v.Key}={v.Value}"))}");
        Console.WriteLine($"{"step",-34}{"plain s",9}{"SAM s",9}{"SAM/plain",14}{"OBF/SAM",14}{"GSAM/plain",14}"
            + $"{"GFLOP",8}{"GB",7}{"floor s",9}{"of SAM",8}{"peak MiB",10}"
            + (options.Peer is null ? "" : $"{"peer s",9}{"its GFLOP/s",13}{"of roof",9}{"speed ratio",13}{"its peak MiB",14}"));
        foreach (var workload in wanted)
        {
            var (begin, first) = (ProcessorTicks.Now(), figures.All.Count);
            var suite = new StepSuite(workload, roof);
            var floor = suite.Measure(options, figures);
            Device.Cpu.Trim();
            double own = StepProcess.MeasureOwn(workload, OwnSteps).Mebibytes;
            figures.Add($"steps/{workload.Name}/peak", "MiB", own);
            suite.Print(floor, own);
            int threads = Math.Max(Cpu.Threads, Environment.ProcessorCount);
            Console.WriteLine($"  {figures.Conclude($"steps/{workload.Name}", begin, threads, first)}");
        }
    }

    StepFloor Measure(SuiteOptions options, Figures figures)
    {
        using var run = new StepCase(workload, kinds);
        for (int i = 0; i < StepCase.WarmUp * kinds.Length; i++)
            run.Time(kinds[i % kinds.Length]);
        var floor = StepFloor.Of(workload, run.Summary);
        for (int round = 0; round < options.Rounds; round++)
        {
            // The peer, which warms up by steps of its own too, has had the caches and the processors.
            if (peer.Count > 0)
                run.Time(StepKind.Sam);
            for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < RoundSeconds;)
            {
                foreach (var kind in kinds)
                    seconds[kind].Add(run.Time(kind));
            }
            if (options.Peer is { } program && workload.PeerModel.Length > 0)
                peer.Add(StepPeer.Measure(program, workload, PeerSteps));
            AddFigures(floor, figures);
        }
        return floor;
    }

    double[] Ratios(StepKind kind, StepKind other) => [.. seconds[kind].Zip(seconds[other], (a, b) => a / b).Order()];

    void AddFigures(in StepFloor floor, Figures figures)
    {
        string name = $"steps/{workload.Name}/";
        foreach (var (kind, times) in seconds)
            figures.Add(name + kind, "s", [.. times]);
        figures.Add(name + "Sam per Plain", "ratio", Ratios(StepKind.Sam, StepKind.Plain));
        figures.Add(name + "Obf per Sam", "ratio", Ratios(StepKind.Obf, StepKind.Sam));
        figures.Add(name + "Gsam per Plain", "ratio", Ratios(StepKind.Gsam, StepKind.Plain));
        figures.Add(name + "roof, a GFLOP", "s", roof.Arithmetic);
        double work = 1e-9 * floor.Operations;
        figures.Add(name + "peer", "s", [.. peer.Select(p => p.Seconds)]);
        figures.Add(name + "peer, a GFLOP", "s", [.. peer.Select(p => p.Seconds / work)]);
        figures.Add(name + "peer peak", "MiB", [.. peer.Select(p => p.Mebibytes)]);
    }

    void Print(in StepFloor floor, double peak)
    {
        double floorSeconds = floor.Seconds(roof), plain = Median(seconds[StepKind.Plain]), sam = Median(seconds[StepKind.Sam]);
        string line = string.Create(CultureInfo.InvariantCulture, $"{workload.Name,-34}{plain,9:F4}{sam,9:F4}")
            + Show(StepKind.Sam, StepKind.Plain) + Show(StepKind.Obf, StepKind.Sam) + Show(StepKind.Gsam, StepKind.Plain)
            + string.Create(CultureInfo.InvariantCulture,
                $"{1e-9 * floor.Operations,8:F1}{1e-9 * floor.Bytes,7:F2}{floorSeconds,9:F4}{floorSeconds / sam,8:P0}{peak,10:F0}");
        if (peer.Count == 0)
        {
            Console.WriteLine(line);
            return;
        }
        double other = Median(peer.Select(p => p.Seconds)), rate = 1e-9 * floor.Operations / other;
        line += string.Create(CultureInfo.InvariantCulture,
            $"{other,9:F4}{rate,13:F0}{rate * roof.Arithmetic,9:P0}{other / sam,13:F2}{Median(peer.Select(p => p.Mebibytes)),14:F0}");
        Console.WriteLine(line);
        if (StepPeer.Remark(floor, roof, other) is { } remark)
            Console.WriteLine($"  {remark}");
    }

    string Show(StepKind kind, StepKind other)
    {
        double[] ratios = Ratios(kind, other);
        double spread = (ratios[3 * ratios.Length / 4] - ratios[ratios.Length / 4]) / 2;
        return string.Create(CultureInfo.InvariantCulture, $"{ratios[ratios.Length / 2]:F3} ±{spread:F3}").PadLeft(14);
    }

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
