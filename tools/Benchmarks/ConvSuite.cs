using System.Globalization;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>Every distinct convolution of three networks, forward and both gradients, and the time of all layers together.</summary>
static unsafe class ConvSuite
{
    const int Rounds = 15;

    static readonly string[] passes = ["forward", "input gradient", "weight gradient"];

    static readonly (string Network, (int Count, Conv2dShape Shape)[] Layers)[] networks =
    [
        ("resnet50, 64 px, batch 8",
        [
            (1, Square(8, 64, 3, 64, 7, 2)),
            (1, Square(8, 16, 64, 64, 1, 1)), (3, Square(8, 16, 64, 64, 3, 1)), (4, Square(8, 16, 64, 256, 1, 1)),
            (2, Square(8, 16, 256, 64, 1, 1)),
            (1, Square(8, 16, 256, 128, 1, 1)), (1, Square(8, 16, 128, 128, 3, 2)), (1, Square(8, 16, 256, 512, 1, 2)),
            (3, Square(8, 8, 128, 128, 3, 1)), (4, Square(8, 8, 128, 512, 1, 1)), (3, Square(8, 8, 512, 128, 1, 1)),
            (1, Square(8, 8, 512, 256, 1, 1)), (1, Square(8, 8, 256, 256, 3, 2)), (1, Square(8, 8, 512, 1024, 1, 2)),
            (5, Square(8, 4, 256, 256, 3, 1)), (6, Square(8, 4, 256, 1024, 1, 1)), (5, Square(8, 4, 1024, 256, 1, 1)),
            (1, Square(8, 4, 1024, 512, 1, 1)), (1, Square(8, 4, 512, 512, 3, 2)), (1, Square(8, 4, 1024, 2048, 1, 2)),
            (2, Square(8, 2, 512, 512, 3, 1)), (3, Square(8, 2, 512, 2048, 1, 1)), (2, Square(8, 2, 2048, 512, 1, 1)),
        ]),
        ("resnet18 with a CIFAR stem, 32 px, batch 32",
        [
            (1, Square(32, 32, 3, 64, 3, 1)), (4, Square(32, 32, 64, 64, 3, 1)),
            (1, Square(32, 32, 64, 128, 3, 2)), (1, Square(32, 32, 64, 128, 1, 2)), (3, Square(32, 16, 128, 128, 3, 1)),
            (1, Square(32, 16, 128, 256, 3, 2)), (1, Square(32, 16, 128, 256, 1, 2)), (3, Square(32, 8, 256, 256, 3, 1)),
            (1, Square(32, 8, 256, 512, 3, 2)), (1, Square(32, 8, 256, 512, 1, 2)), (3, Square(32, 4, 512, 512, 3, 1)),
        ]),
        ("resnet20, 32 px, batch 128",
        [
            (1, Square(128, 32, 3, 16, 3, 1)), (6, Square(128, 32, 16, 16, 3, 1)), (1, Square(128, 32, 16, 32, 3, 2)),
            (5, Square(128, 16, 32, 32, 3, 1)), (1, Square(128, 16, 32, 64, 3, 2)), (5, Square(128, 8, 64, 64, 3, 1)),
        ]),
    ];

    public static void Run(SuiteOptions options, Figures figures)
    {
        foreach (var (network, layers) in networks.Where(n => options.Includes(n.Network)))
        {
            Console.WriteLine($"{network}: GFLOP/s");
            Console.WriteLine($"{"layer",-34}{"times",6}{"forward",9}{"input",9}{"weight",9}");
            var total = default(Times);
            double work = 0;
            foreach (var (count, shape) in layers)
            {
                var results = Measure(shape);
                Times times = new(results[0].Minimum, results[1].Minimum, results[2].Minimum);
                foreach (var (pass, result) in passes.Zip(results))
                    figures.Add($"kernels/conv/{network}/{Describe(shape)} {pass}", result);
                double layer = 2e-9 * shape.MultiplyAdds;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{Describe(shape),-34}{count,6}{layer / times.Forward,9:F1}{layer / times.Input,9:F1}{layer / times.Weight,9:F1}"));
                total = new(total.Forward + (count * times.Forward), total.Input + (count * times.Input),
                    total.Weight + (count * times.Weight));
                work += count * layer;
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{"all layers, GFLOP/s",-40}{work / total.Forward,9:F1}{work / total.Input,9:F1}{work / total.Weight,9:F1}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{"all layers, ms",-40}{1e3 * total.Forward,9:F1}{1e3 * total.Input,9:F1}{1e3 * total.Weight,9:F1}"));
        }
    }

    static Conv2dShape Square(int n, int side, int c, int o, int kernel, int stride) =>
        new(n, side, side, c, o, kernel, kernel, stride, stride, kernel / 2, kernel / 2, 1, 1, 1);

    static string Describe(in Conv2dShape s) => $"{s.N}x{s.H}x{s.W}x{s.C} -> {s.O}, {s.KH}x{s.KW}/{s.StrideH}";

    static Timing.Result[] Measure(Conv2dShape s)
    {
        long inputs = (long)s.N * s.H * s.W * s.C, outputs = (long)s.OutputPixels * s.O, weights = (long)s.O * s.KH * s.KW * s.GroupC;
        using NativeArray x = new(inputs), w = new(weights), y = new(outputs), dx = new(inputs), dw = new(weights);
        return Timing.Alternate(
            Rounds,
            () => Convolution.Forward(s, x.Pointer, w.Pointer, null, y.Pointer),
            () => Convolution.BackwardInput(s, y.Pointer, w.Pointer, dx.Pointer),
            () => Convolution.BackwardWeight(s, x.Pointer, y.Pointer, dw.Pointer, false));
    }

    readonly record struct Times(double Forward, double Input, double Weight);
}
