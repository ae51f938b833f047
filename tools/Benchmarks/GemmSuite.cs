using System.Globalization;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>Matrix products: cubes, and the shapes of linear layers and attention, beside OpenBLAS.</summary>
static unsafe class GemmSuite
{
    const int Rounds = 41;

    // What it is, transposes, m, n, k.
    static readonly (string Name, bool TransA, bool TransB, int M, int N, int K)[] cases =
    [
        ("cube", false, false, 512, 512, 512),
        ("cube", false, false, 1024, 1024, 1024),
        ("cube", false, false, 2048, 2048, 2048),
        ("cube, B^T", false, true, 1024, 1024, 1024),
        ("cube, A^T", true, false, 1024, 1024, 1024),
        ("vit-s/32 b8 qkv", false, true, 400, 1152, 384),
        ("vit-s/32 b8 fc1", false, true, 400, 1536, 384),
        ("vit-s/32 b8 fc2", false, true, 400, 384, 1536),
        ("vit-s/32 b8 fc1 dX", false, false, 400, 384, 1536),
        ("vit-s/32 b8 fc1 dW", true, false, 1536, 384, 400),
        ("vit-s/32 b8 patch", false, true, 392, 384, 3072),
        ("resnet50 head", false, true, 8, 1000, 2048),
    ];

    public static void Run()
    {
        Console.WriteLine(OpenBlas.Describe());
        double peak = Peak();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"register kernel alone, operands in the level-1 cache: {peak:F0} GFLOP/s"));
        Console.WriteLine($"{"case",-22}{"m",6}{"n",6}{"k",6}{"GFLOP/s",10}{"median",9}{"of peak",9}{"OpenBLAS",10}{"ratio",8}");
        foreach (var (name, transA, transB, m, n, k) in cases)
        {
            using NativeArray a = new((long)m * k), b = new((long)k * n), c = new((long)m * n);
            int lda = transA ? m : k, ldb = transB ? k : n;
            Action ours = () => Gemm.Run(transA, transB, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, n, false);
            Action theirs = () => OpenBlas.Multiply(transA, transB, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, n);
            Timing.Result[] times = OpenBlas.IsAvailable ? Timing.Alternate(Rounds, ours, theirs) : Timing.Alternate(Rounds, ours);
            double work = 2e-9 * m * n * k, speed = work / times[0].Minimum;
            string line = string.Create(CultureInfo.InvariantCulture,
                $"{name,-22}{m,6}{n,6}{k,6}{speed,10:F1}{work / times[0].Median,9:F1}{speed / peak,9:P0}");
            if (OpenBlas.IsAvailable)
                line += string.Create(CultureInfo.InvariantCulture, $"{work / times[1].Minimum,10:F1}{times[1].Minimum / times[0].Minimum,8:F2}");
            Console.WriteLine(line);
        }
    }

    /// <summary>GFLOP/s of the register kernel over and over on the same panels, on all threads: no memory traffic to speak of.</summary>
    public static double Peak()
    {
        const int Calls = 2000;
        var body = new PeakBody { Calls = Calls };
        double work = 2e-9 * PeakBody.WorkPerCall * Calls * WorkerPool.Threads;
        Timing.Result[] times = Timing.Alternate(Rounds, () => WorkerPool.For(WorkerPool.Threads, ref body));
        return work / times[0].Minimum;
    }

    struct PeakBody : IParallelBody
    {
        const int Depth = 192;

        public int Calls;

        public static long WorkPerCall => SimdLevel.Current switch
        {
            SimdKind.Avx512 => 12 * 32 * Depth,
            SimdKind.Avx2 => 6 * 16 * Depth,
            _ => 6 * 8 * Depth,
        };

        public readonly void Run(int index)
        {
            float* a = Scratch.Get<float>(ScratchUse.LeftPanels, 12 * GemmBlocking.Depth);
            float* b = Scratch.Get<float>(ScratchUse.RightPanels, 32 * GemmBlocking.Depth);
            float* tile = Scratch.Get<float>(ScratchUse.Tile, 12 * 32);
            new Span<float>(a, 12 * GemmBlocking.Depth).Fill(1);
            new Span<float>(b, 32 * GemmBlocking.Depth).Fill(1);
            for (int call = 0; call < Calls; call++)
            {
                switch (SimdLevel.Current)
                {
                    case SimdKind.Avx512:
                        WideTile<Simd512<float>, Vector512<float>, float>.Run(true, 12, 32, Depth, a, b, tile);
                        break;
                    case SimdKind.Avx2:
                        NarrowTile<Simd256<float>, Vector256<float>, float>.Run(true, 6, 16, Depth, a, b, tile);
                        break;
                    default:
                        NarrowTile<Simd128<float>, Vector128<float>, float>.Run(true, 6, 8, Depth, a, b, tile);
                        break;
                }
            }
        }
    }
}
