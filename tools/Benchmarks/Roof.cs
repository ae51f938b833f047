using System.Runtime.Intrinsics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace Benchmarks;

/// <summary>What the machine can do at most: arithmetic with its operands in the level-1 cache, and a copy of memory.</summary>
static unsafe class Roof
{
    const int Rounds = 41;

    /// <summary>Seconds for 10⁹ operations of the register kernel over and over on the same panels, on all threads: no memory traffic to
    /// speak of.</summary>
    public static Timing.Result Arithmetic()
    {
        const int Calls = 2000;
        var body = new PeakBody { Calls = Calls };
        double work = 2e-9 * PeakBody.WorkPerCall * Calls * WorkerPool.Threads;
        return Timing.Alternate(Rounds, () => WorkerPool.For(WorkerPool.Threads, ref body))[0] / work;
    }

    /// <summary>Seconds for 10⁹ bytes, half read and half written, of a copy that no cache holds.</summary>
    public static Timing.Result Memory()
    {
        const long Floats = 32 << 20;
        using NativeArray from = new(Floats), to = new(Floats);
        return Timing.Alternate(Rounds / 2, () => Copy(from.Pointer, to.Pointer, sizeof(float) * Floats))[0]
            / (2e-9 * sizeof(float) * Floats);
    }

    /// <summary>A copy by all threads.</summary>
    public static void Copy(void* from, void* to, long bytes)
    {
        var body = new CopyBody { From = (byte*)from, To = (byte*)to, Bytes = bytes };
        WorkerPool.For(body.Chunks, ref body);
    }

    struct CopyBody : IParallelBody
    {
        const int Chunk = 1 << 17;

        public byte* From, To;
        public long Bytes;

        public readonly int Chunks => (int)((Bytes + Chunk - 1) / Chunk);

        public readonly void Run(int index)
        {
            long first = (long)index * Chunk, count = Math.Min(Chunk, Bytes - first);
            Buffer.MemoryCopy(From + first, To + first, count, count);
        }
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
