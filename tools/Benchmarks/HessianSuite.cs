using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>
/// Exact products of a loss's Hessian with vectors, on random images: what one costs in gradients of the same batch, alone, of a batch
/// whose graph is kept from one product to the next, and in blocks of two and four. Gradients and products are made in turn, so that a slow
/// moment of the machine meets all of them. The ratio is that of the least times, which others on the machine disturb least; beside it the
/// median of the ratios of neighbours, what the products of matrices alone cost, counted, and the memory of tensors at most.
/// </summary>
static class HessianSuite
{
    const double RoundSeconds = 2;

    static readonly (int Block, bool Keeps, string Name)[] ways =
        [(1, true, "kept"), (1, false, "block of 1"), (2, false, "block of 2"), (4, false, "block of 4")];

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
        Console.WriteLine($"{"Hessian",-30}{"gradient s",12}{string.Concat(ways.Select(w => $"{w.Name,25}"))}"
            + $"{"MiB",8}{string.Concat(ways.Select(w => $"{w.Name,12}"))}");
        foreach (var workload in wanted)
            Measure(workload, options.Rounds, figures);
    }

    static void Measure(StepWorkload workload, int rounds, Figures figures)
    {
        using var run = new HessianCase(workload, ways.Max(static w => w.Block));
        string name = HessianCase.NameOf(workload);
        // Without one first, the code is compiled during the measurement.
        double gradientMemory = run.Peak(run.Gradient);
        double[] memory = [.. ways.Select(w => run.Peak(() => run.Products(w.Block, w.Keeps)))];
        // The first of those that keep records.
        foreach (var (block, keeps, _) in ways)
            run.Products(block, keeps);
        List<double> gradient = [];
        List<double>[] products = [.. ways.Select(static _ => new List<double>())];
        for (int round = 0; round < rounds; round++)
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < RoundSeconds;)
            {
                gradient.Add(run.Gradient());
                for (int i = 0; i < ways.Length; i++)
                    products[i].Add(run.Products(ways[i].Block, ways[i].Keeps) / ways[i].Block);
            }
            figures.Add($"hessian/{name}/gradient", "s", [.. gradient]);
            foreach (var (way, seconds) in ways.Zip(products))
                figures.Add($"hessian/{name}/{way.Name}", "ratio", seconds.Min() / gradient.Min());
        }
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"{name,-30}{Median(gradient),12:F4}");
        foreach (var (way, seconds) in ways.Zip(products))
        {
            double[] ratios = [.. seconds.Zip(gradient, static (product, gradient) => product / gradient).Order()];
            double spread = (ratios[3 * ratios.Length / 4] - ratios[ratios.Length / 4]) / 2;
            double least = seconds.Min() / gradient.Min();
            line.Append(string.Create(CultureInfo.InvariantCulture,
                $"{least:F2}; {ratios[ratios.Length / 2]:F2} ±{spread:F2} ({run.Counted(way.Block, way.Keeps):F2})").PadLeft(25));
        }
        line.Append(CultureInfo.InvariantCulture, $"{gradientMemory / 1048576,8:F0}");
        figures.Add($"hessian/{name}/memory of a gradient", "MiB", gradientMemory / 1048576);
        foreach (var (way, bytes) in ways.Zip(memory))
        {
            line.Append(CultureInfo.InvariantCulture, $"{bytes / 1048576,12:F0}");
            figures.Add($"hessian/{name}/memory of {way.Name}", "MiB", bytes / 1048576);
        }
        Console.WriteLine(line);
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
