using System.Globalization;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>Matrix products: cubes, and the shapes of linear layers and attention, beside OpenBLAS.</summary>
static unsafe class GemmSuite
{
    const int Rounds = 41;
    const string RoofName = "roof, a GFLOP";

    // Threads of the turn before go to sleep meanwhile, those of this one wake up.
    static readonly TimeSpan untimed = TimeSpan.FromMilliseconds(5);

    // What it is, transposes, m, n, k.
    static readonly (string Name, bool TransA, bool TransB, int M, int N, int K)[] cases =
    [
        ("cube", false, false, 512, 512, 512),
        ("cube", false, false, 1024, 1024, 1024),
        ("cube", false, false, 2048, 2048, 2048),
        ("cube, B^T", false, true, 512, 512, 512),
        ("cube, B^T", false, true, 1024, 1024, 1024),
        ("cube, B^T", false, true, 2048, 2048, 2048),
        ("cube, A^T", true, false, 512, 512, 512),
        ("cube, A^T", true, false, 1024, 1024, 1024),
        ("cube, A^T", true, false, 2048, 2048, 2048),
        ("cube, A^T B^T", true, true, 512, 512, 512),
        ("cube, A^T B^T", true, true, 1024, 1024, 1024),
        ("cube, A^T B^T", true, true, 2048, 2048, 2048),
        ("vit-s/32 b8 qkv", false, true, 400, 1152, 384),
        ("vit-s/32 b8 fc1", false, true, 400, 1536, 384),
        ("vit-s/32 b8 fc2", false, true, 400, 384, 1536),
        ("vit-s/32 b8 fc1 dX", false, false, 400, 384, 1536),
        ("vit-s/32 b8 fc1 dW", true, false, 1536, 384, 400),
        ("vit-s/32 b8 patch", false, true, 392, 384, 3072),
        ("resnet50 head", false, true, 8, 1000, 2048),
    ];

    public static void Run(SuiteOptions options, Figures figures)
    {
        Console.WriteLine(OpenBlas.Describe());
        var roof = Roof.Arithmetic();
        if (options.Includes(RoofName))
            figures.Add($"kernels/gemm/{RoofName}", roof);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"register kernel alone, operands in the level-1 cache: {1 / roof.Minimum:F0} GFLOP/s"));
        Console.WriteLine($"{"case",-22}{"m",6}{"n",6}{"k",6}{"GFLOP/s",10}{"median",9}{"of peak",9}"
            + $"{"OpenBLAS",10}{"median",9}{"ratio",8}{"of medians",12}");
        foreach (var (name, transA, transB, m, n, k) in cases.Where(c => options.Includes(c.Name)))
        {
            using NativeArray a = new((long)m * k), b = new((long)k * n), c = new((long)m * n);
            int lda = transA ? m : k, ldb = transB ? k : n;
            Action ours = () => Gemm.Run(transA, transB, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, n, false);
            Action theirs = () => OpenBlas.Multiply(transA, transB, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, n);
            Timing.Result[] times = OpenBlas.IsAvailable ? Timing.Alternate(Rounds, untimed, ours, theirs) : Timing.Alternate(Rounds, ours);
            string figure = $"kernels/gemm/{name} {m}x{n}x{k}";
            figures.Add(figure, times[0]);
            double work = 2e-9 * m * n * k, speed = work / times[0].Minimum;
            string line = string.Create(CultureInfo.InvariantCulture,
                $"{name,-22}{m,6}{n,6}{k,6}{speed,10:F1}{work / times[0].Median,9:F1}{speed * roof.Minimum,9:P0}");
            if (OpenBlas.IsAvailable)
            {
                figures.Add($"{figure} OpenBLAS", times[1]);
                line += string.Create(CultureInfo.InvariantCulture,
                    $"{work / times[1].Minimum,10:F1}{work / times[1].Median,9:F1}"
                    + $"{times[1].Minimum / times[0].Minimum,8:F2}{times[1].Median / times[0].Median,12:F2}");
            }
            Console.WriteLine(line);
        }
    }
}
