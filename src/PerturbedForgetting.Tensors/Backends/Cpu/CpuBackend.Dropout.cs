using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    // Ten rounds of Philox for four words cost more than reading and writing the four elements.
    const long DropoutCost = 4;

    public override void Dropout(Tensor x, double p, in RandomCall call, Tensor y)
    {
        var generator = Generator(call);
        long blocks = (y.Count + 3) / 4;
        ForRows(blocks, 4 * DropoutCost, new DropoutBody(x, p, generator, y));
    }

    static Philox Generator(in RandomCall call) =>
        new(call.Seed, call.Stream + (call.Counter is null ? 0 : *call.Counter.Pointer<ulong>()));

    /// <summary>A row is the four elements of one Philox block.</summary>
    struct DropoutBody(Tensor x, double p, Philox generator, Tensor y) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), target = y.Pointer<T>();
        readonly long count = y.Count;
        // 64 bits, because at p = 1 the threshold is 2^32.
        readonly ulong threshold = (ulong)(p * 4294967296.0);
        readonly T scale = p < 1 ? T.CreateTruncating(1 / (1 - p)) : T.Zero;

        public readonly void Run(long first, long end)
        {
            for (long block = first; block < end; block++)
            {
                var (a, b, c, d) = generator.Block((ulong)block);
                long i = 4 * block;
                Element(i, a);
                Element(i + 1, b);
                Element(i + 2, c);
                Element(i + 3, d);
            }
        }

        readonly void Element(long i, uint word)
        {
            if (i < count)
                target[i] = word >= threshold ? source[i] * scale : T.Zero;
        }
    }
}
