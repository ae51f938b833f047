using System.Numerics;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    // Ten rounds of Philox for four words take about as long as reading and writing the four elements.
    const long DropoutCost = 2;

    public override void Dropout(Tensor x, double p, in RandomCall call, Tensor y)
    {
        if (p >= 1)
        {
            NativeMemory.Clear((void*)y.Address, (nuint)(y.Count * sizeof(T)));
            return;
        }
        long blocks = (y.Count + 3) / 4;
        ForRows(blocks, 4 * DropoutCost, new DropoutBody(x, p, Generator(call), y));
    }

    static Philox Generator(in RandomCall call) =>
        new(call.Seed, call.Stream + (call.Counter is null ? 0 : *call.Counter.Pointer<ulong>()));

    /// <summary>A row is the four elements of one Philox block.</summary>
    struct DropoutBody(Tensor x, double p, Philox generator, Tensor y) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), target = y.Pointer<T>();
        readonly long count = y.Count;
        readonly uint threshold = (uint)(p * 4294967296.0);
        readonly T scale = T.CreateTruncating(1 / (1 - p));

        public readonly void Run(long first, long end)
        {
            const int Blocks = 256;
            uint* words = stackalloc uint[4 * Blocks];
            for (long block = first; block < end; block += Blocks)
            {
                long i = 4 * block;
                int elements = (int)Math.Min(4 * Math.Min(Blocks, end - block), count - i);
                generator.Words((ulong)block, new Span<uint>(words, elements));
                Apply(words, source + i, target + i, elements);
            }
        }

        readonly void Apply(uint* words, T* x, T* y, int elements)
        {
            int i = 0;
            if (typeof(T) == typeof(float))
            {
                Vector<uint> limit = new(threshold);
                var factor = new Vector<T>(scale).As<T, float>();
                for (; i <= elements - Vector<float>.Count; i += Vector<float>.Count)
                {
                    var keep = Vector.GreaterThanOrEqual(Vector.Load(words + i), limit).As<uint, float>();
                    Vector.ConditionalSelect(keep, Vector.Load((float*)x + i) * factor, Vector<float>.Zero).Store((float*)y + i);
                }
            }
            for (; i < elements; i++)
                y[i] = words[i] >= threshold ? x[i] * scale : T.Zero;
        }
    }
}
