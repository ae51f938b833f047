using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace Benchmarks;

/// <summary>
/// Whole training steps on random images: seconds of a SAM step (two forward and backward passes, perturbation, SGD update), its
/// rate (six multiply-adds a weight use, backward twice the forward), the plain SGD step beside it, and the peak of the tensors'
/// memory. With <c>--peer COMMAND</c> another program is timed in turn: it is called as <c>COMMAND MODEL BATCH PIXELS STEPS</c>
/// and prints <c>... X s/step ...</c>.
/// </summary>
static partial class StepSuite
{
    sealed record Workload(string Model, string PeerModel, int Batch, int Pixels);

    static readonly Workload[] workloads =
    [
        new("resnet50", "resnet50", 8, 64), new("vit_small_patch32_224", "vit_small_patch32", 8, 224),
        new("resnet18_cifar", "resnet18", 32, 32), new("vit_tiny_patch4_32", "vit_tiny_patch4", 32, 32), new("resnet20", "", 128, 32),
    ];

    /// <param name="prefix">Only models whose name begins so.</param>
    /// <param name="peer">Program to compare with, or none.</param>
    /// <param name="rounds">Alternations with the peer; the median counts.</param>
    public static void Run(string prefix, string? peer, int rounds)
    {
        Console.WriteLine($"{"SAM step",-24}{"batch",6}{"px",5}{"s/step",9}{"GFLOP/s",9}{"SGD s",9}{"SAM/SGD",9}{"peak MiB",10}{(peer is null ? "" : "   peer s  speed ratio")}");
        foreach (var workload in workloads.Where(w => w.Model.StartsWith(prefix, StringComparison.Ordinal)))
            Measure(workload, peer, rounds);
    }

    static void Measure(Workload workload, string? peer, int rounds)
    {
        bool compares = peer is not null && workload.PeerModel.Length > 0;
        double[] sam = new double[rounds], plain = new double[rounds], other = new double[rounds];
        (double multiplyAdds, double peak) = (0, 0);
        for (int round = 0; round < rounds; round++)
        {
            using (var run = new Steps(workload))
            {
                plain[round] = run.Median(perturbed: false);
                Device.Cpu.ResetPeak();
                sam[round] = run.Median(perturbed: true);
                peak = Device.Cpu.Memory.Peak / 1048576.0;
                multiplyAdds = run.MultiplyAdds;
            }
            if (compares)
                other[round] = TimePeer(peer!, workload);
        }
        Array.ForEach([sam, plain, other], Array.Sort);
        double seconds = sam[rounds / 2], flops = 2 * 2 * 3 * multiplyAdds * workload.Batch;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{workload.Model,-24}{workload.Batch,6}{workload.Pixels,5}{seconds,9:F4}{flops / seconds * 1e-9,9:F0}{plain[rounds / 2],9:F4}{seconds / plain[rounds / 2],9:F2}{peak,10:F0}")
            + (compares ? string.Create(CultureInfo.InvariantCulture, $"{other[rounds / 2],9:F4}{other[rounds / 2] / seconds,13:F2}") : ""));
    }

    /// <summary>One model with its two training steps.</summary>
    sealed class Steps : IDisposable
    {
        readonly Workload workload;
        readonly ParameterArena arena;
        readonly Optimizer optimizer;
        readonly TrainingStep sam, plain;
        readonly Tensor images, labels;

        public Steps(Workload workload)
        {
            this.workload = workload;
            using var initialization = Initialization.Begin(1);
            var model = ModelRegistry.Create(workload.Model, new() { ImageSize = workload.Pixels });
            MultiplyAdds = ModelSummary.Of(model).MultiplyAdds;
            arena = new ParameterArena(model);
            optimizer = new Sgd(arena, momentum: 0.9, weightDecay: 1e-4);
            var schedule = new LinearSchedule(0.01, 0, 0, 0, 1, 1000);
            var plain = new StepOptions((logits, labels) => Ops.CrossEntropy(logits, labels));
            this.plain = new TrainingStep(model, arena, optimizer, plain, schedule);
            sam = new TrainingStep(model, arena, optimizer, plain with { Perturbation = new() }, schedule, RhoPolicy.Constant(0.05));
            images = initialization.Normal([workload.Batch, workload.Pixels, workload.Pixels, 3], 1);
            labels = Tensor.Persistent([workload.Batch], DType.Int32).CopyFrom<int>(Enumerable.Range(0, workload.Batch).Select(i => i % 10).ToArray());
        }

        public double MultiplyAdds { get; }

        public double Median(bool perturbed)
        {
            var step = perturbed ? sam : plain;
            var seconds = new List<double>();
            var total = Stopwatch.StartNew();
            for (int i = 0; i < 7 || total.Elapsed.TotalSeconds < 2; i++)
            {
                long start = Stopwatch.GetTimestamp();
                step.Batch(images, labels, i, 1000);
                if (i >= 2)
                    seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            seconds.Sort();
            return seconds[seconds.Count / 2];
        }

        public void Dispose()
        {
            sam.Dispose();
            plain.Dispose();
            optimizer.Dispose();
            arena.Dispose();
            images.Dispose();
            labels.Dispose();
        }
    }

    static double TimePeer(string command, Workload workload)
    {
        var start = new ProcessStartInfo(command, [workload.PeerModel, $"{workload.Batch}", $"{workload.Pixels}", "5"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var match = StepTime().Match(output);
        return match.Success ? double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : double.NaN;
    }

    [GeneratedRegex(@"([0-9.]+) s/step")]
    private static partial Regex StepTime();
}
