using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>
/// Exact products of a loss's Hessian with vectors, on random images: what one costs in gradients of the same batch, alone and in blocks of
/// two and four. Gradients and products are made in turn, so that a slow moment of the machine meets all of them. The ratio is that of the
/// least times, which others on the machine disturb least; beside it the median of the ratios of neighbours, what the products of matrices
/// alone cost, counted, and the memory of tensors at most.
/// </summary>
static class HessianSuite
{
    const double RoundSeconds = 2;

    static readonly int[] blocks = [1, 2, 4];

    static readonly StepWorkload[] workloads =
    [
        new("resnet20", "", 128, 32), new("resnet50", "", 8, 64), new("vit_small_patch32_224", "", 8, 224),
        new("vit_tiny_patch4_32", "", 32, 32),
    ];

    // So small that it measures nothing.
    static readonly StepWorkload trial = new("resnet20", "", 2, 16);

    public static void Run(SuiteOptions options, Figures figures)
    {
        StepWorkload[] wanted =
            [.. options.Prefix == "trial" ? [trial] : workloads.Where(w => options.Includes(HessianCase.NameOf(w)))];
        if (wanted.Length == 0)
            return;
        Console.WriteLine("a product in gradients: of the least times; median ± half the distance of the quartiles (counted)");
        Console.WriteLine($"{"Hessian",-30}{"gradient s",12}{string.Concat(blocks.Select(b => $"{"block of " + b,25}"))}"
            + $"{"MiB",8}{string.Concat(blocks.Select(b => $"{"of " + b,8}"))}");
        foreach (var workload in wanted)
            Measure(workload, options.Rounds, figures);
    }

    static void Measure(StepWorkload workload, int rounds, Figures figures)
    {
        using var run = new HessianCase(workload, blocks);
        // Without one first, the code is compiled during the measurement.
        double[] memory = [.. blocks.Prepend(0).Select(run.Peak)];
        var seconds = blocks.Prepend(0).ToDictionary(static b => b, static _ => new List<double>());
        for (int round = 0; round < rounds; round++)
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < RoundSeconds;)
            {
                foreach (var (block, times) in seconds)
                    times.Add(block == 0 ? run.Gradient() : run.Products(block) / block);
            }
        }
        string name = HessianCase.NameOf(workload);
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{name,-30}{Median(seconds[0]),12:F4}");
        figures.Add($"hessian/{name}/gradient", "s", [.. seconds[0]]);
        foreach (int block in blocks)
        {
            double[] ratios = [.. seconds[block].Zip(seconds[0], static (product, gradient) => product / gradient).Order()];
            double spread = (ratios[3 * ratios.Length / 4] - ratios[ratios.Length / 4]) / 2;
            double least = seconds[block].Min() / seconds[0].Min();
            line.Append(string.Create(CultureInfo.InvariantCulture,
                $"{least:F2}; {ratios[ratios.Length / 2]:F2} ±{spread:F2} ({run.Counted(block):F2})").PadLeft(25));
            figures.Add($"hessian/{name}/block of {block}", "ratio", least);
        }
        line.Append(CultureInfo.InvariantCulture, $"{memory[0] / 1048576,8:F0}");
        for (int i = 0; i < blocks.Length; i++)
            line.Append(CultureInfo.InvariantCulture, $"{memory[i + 1] / 1048576,8:F0}");
        for (int i = 0; i < memory.Length; i++)
            figures.Add($"hessian/{name}/memory of {(i == 0 ? "a gradient" : $"{blocks[i - 1]}")}", "MiB", memory[i] / 1048576);
        Console.WriteLine(line);
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
