namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void LabelRank(Tensor logits, Tensor labels, Tensor y) =>
        ForRows(logits.Shape[0], logits.Shape[1], new LabelRankRows(logits, labels, y));

    public override void CountRanks(Tensor ranks, int k, Tensor counts)
    {
        var sums = Span<int>(counts);
        foreach (int rank in Span<int>(ranks))
        {
            sums[0] += rank == 0 ? 1 : 0;
            sums[1] += rank >= 0 && rank < k ? 1 : 0;
            sums[2] += rank >= 0 ? 1 : 0;
        }
    }

    struct LabelRankRows(Tensor logits, Tensor labels, Tensor y) : IRowBody
    {
        readonly T* source = logits.Pointer<T>();
        readonly int* label = labels.DType == DType.Int32 ? labels.Pointer<int>() : null;
        readonly byte* applies = labels.DType == DType.Int32 ? null : labels.Pointer<byte>();
        readonly int* target = y.Pointer<int>();
        readonly int classes = logits.Shape[1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* x = source + row * classes;
                int c = label is not null ? label[row] : Best(x, applies + row * classes);
                target[row] = c < 0 ? -1 : Rank(x, c);
            }
        }

        /// <summary>The applying class that ranks first, or -1.</summary>
        readonly int Best(T* x, byte* applies)
        {
            int best = -1;
            for (int c = 0; c < classes; c++)
                if (applies[c] != 0 && (best < 0 || x[c] > x[best]))
                    best = c;
            return best;
        }

        /// <summary>How many logits are not below (classes before c) or above (classes behind it); a comparison with NaN counts against
        /// c.</summary>
        readonly int Rank(T* x, int c)
        {
            T own = x[c];
            int rank = T.IsNaN(own) ? classes : 0;
            for (int j = 0; j < c; j++)
                rank += x[j] < own ? 0 : 1;
            for (int j = c + 1; j < classes; j++)
                rank += x[j] <= own ? 0 : 1;
            return Math.Min(rank, classes);
        }
    }
}
