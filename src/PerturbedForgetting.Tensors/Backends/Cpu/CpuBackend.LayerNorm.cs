using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps, Tensor y, Tensor statistics) =>
        ForLastDimension(y, new LayerNormRows(x, null, weight, bias, eps, null, y, statistics));

    public override void AddLayerNorm(
        Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps, Tensor sum, Tensor y, Tensor statistics) =>
        ForLastDimension(y, new LayerNormRows(x, residual, weight, bias, eps, sum, y, statistics));

    public override void LayerNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor statistics, in LayerNormGradients gradients)
    {
        int width = x.Shape[-1];
        var parts = RowParts.For(x.Count / width, 4L * width);
        long size = (long)parts.Count * width;
        bool sums = gradients.Weight is not null || gradients.Bias is not null;
        T* partial = sums ? Scratch.Get<T>(ScratchUse.Reduction, 2 * size) : null;
        var body = new LayerNormBackwardBody(dy, x, weight, statistics, gradients.X, gradients.AccumulateX)
        {
            Parts = parts,
            WeightSums = partial,
            BiasSums = partial + size,
        };
        WorkerPool.For(parts.Count, ref body);
        AddParts(partial, parts.Count, width, gradients);
    }

    /// <summary>Adds the sums of the parts to the gradients of weight and bias: the weight's of all parts, then the bias's.</summary>
    static void AddParts(T* partial, int parts, int width, in LayerNormGradients gradients)
    {
        if (gradients.Weight is not null)
            AddParts(partial, gradients.Weight.Pointer<T>(), parts, width, gradients.AccumulateWeight);
        if (gradients.Bias is not null)
            AddParts(partial + ((long)parts * width), gradients.Bias.Pointer<T>(), parts, width, gradients.AccumulateBias);
    }

    struct LayerNormRows(Tensor x, Tensor? residual, Tensor weight, Tensor bias, double eps, Tensor? sum, Tensor y, Tensor statistics)
        : IRowBody
    {
        readonly T* other = PointerOrNull(residual), both = PointerOrNull(sum);
        readonly T* source = x.Pointer<T>(), w = weight.Pointer<T>(), b = bias.Pointer<T>(), target = y.Pointer<T>(),
            stats = statistics.Pointer<T>();
        readonly int width = y.Shape[-1];
        readonly T epsilon = T.CreateTruncating(eps);

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* from = source + row * width;
                if (other is not null)
                {
                    T* to = both + row * width;
                    RowMath.Add(from, other + row * width, to, width);
                    from = to;
                }
                Row(from, target + row * width, stats + row * 3);
            }
        }

        readonly void Row(T* x, T* y, T* statistics)
        {
            T count = T.CreateTruncating(width), mean = RowMath.Sum(x, width) / count;
            var (sum, squares) = Deviations(x, mean);
            // The deviations from the rounded mean are exact or nearly so; their own mean is what the rounding took away.
            T rest = sum / count, variance = T.Max(T.Zero, squares / count - rest * rest), inverse = T.One / T.Sqrt(variance + epsilon);
            (statistics[0], statistics[1], statistics[2]) = (mean, rest, inverse);
            Vector<T> m = new(mean), c = new(rest), r = new(inverse);
            int i = 0;
            for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
                RowMath.MultiplyAdd((Vector.Load(x + i) - m - c) * r, Vector.Load(w + i), Vector.Load(b + i)).Store(y + i);
            for (; i < width; i++)
                y[i] = T.MultiplyAddEstimate((x[i] - mean - rest) * inverse, w[i], b[i]);
        }

        readonly (T Sum, T Squares) Deviations(T* x, T mean)
        {
            Vector<T> m = new(mean), sum0 = default, sum1 = default, squares0 = default, squares1 = default;
            int i = 0;
            for (; i <= width - 2 * Vector<T>.Count; i += 2 * Vector<T>.Count)
            {
                Vector<T> d0 = Vector.Load(x + i) - m, d1 = Vector.Load(x + i + Vector<T>.Count) - m;
                sum0 += d0;
                sum1 += d1;
                squares0 = RowMath.MultiplyAdd(d0, d0, squares0);
                squares1 = RowMath.MultiplyAdd(d1, d1, squares1);
            }
            for (; i < width; i += Vector<T>.Count)
            {
                var d = (i <= width - Vector<T>.Count ? Vector.Load(x + i) : RowMath.LoadEnd(x + i, width - i, mean)) - m;
                sum0 += d;
                squares0 = RowMath.MultiplyAdd(d, d, squares0);
            }
            return (Vector.Sum(sum0 + sum1), Vector.Sum(squares0 + squares1));
        }
    }

    struct LayerNormBackwardBody(Tensor dy, Tensor x, Tensor weight, Tensor statistics, Tensor? dx, bool accumulate) : IParallelBody
    {
        readonly T* upstream = dy.Pointer<T>(), source = x.Pointer<T>(), w = weight.Pointer<T>(), stats = statistics.Pointer<T>();
        readonly T* target = PointerOrNull(dx);
        readonly int width = x.Shape[-1];

        public RowParts Parts;
        public T* WeightSums, BiasSums;

        public readonly void Run(int part)
        {
            T* weightSum = WeightSums + (long)part * width, biasSum = BiasSums + (long)part * width;
            bool sums = WeightSums is not null;
            if (sums)
            {
                new Span<T>(weightSum, width).Clear();
                new Span<T>(biasSum, width).Clear();
            }
            for (long row = Parts.First(part); row < Parts.End(part); row++)
            {
                T* g = upstream + row * width, from = source + row * width, s = stats + row * 3;
                if (sums)
                    AddSums(g, from, s, weightSum, biasSum);
                if (target is not null)
                    Row(g, from, s, target + row * width);
            }
        }

        readonly void AddSums(T* g, T* x, T* s, T* weightSum, T* biasSum)
        {
            Vector<T> m = new(s[0]), c = new(s[1]), r = new(s[2]);
            int i = 0;
            for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
            {
                Vector<T> dy = Vector.Load(g + i), n = (Vector.Load(x + i) - m - c) * r;
                RowMath.MultiplyAdd(dy, n, Vector.Load(weightSum + i)).Store(weightSum + i);
                (Vector.Load(biasSum + i) + dy).Store(biasSum + i);
            }
            for (; i < width; i++)
            {
                weightSum[i] += g[i] * ((x[i] - s[0] - s[1]) * s[2]);
                biasSum[i] += g[i];
            }
        }

        readonly void Row(T* g, T* x, T* s, T* dx)
        {
            Vector<T> m = new(s[0]), c = new(s[1]), r = new(s[2]), sum = default, product = default;
            int i = 0;
            for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
            {
                var scaled = Vector.Load(g + i) * Vector.Load(w + i);
                sum += scaled;
                product = RowMath.MultiplyAdd(scaled, (Vector.Load(x + i) - m - c) * r, product);
            }
            if (i < width)
            {
                var scaled = RowMath.LoadEnd(g + i, width - i, T.Zero) * RowMath.LoadEnd(w + i, width - i, T.Zero);
                sum += scaled;
                product = RowMath.MultiplyAdd(scaled, (RowMath.LoadEnd(x + i, width - i, s[0]) - m - c) * r, product);
            }
            T count = T.CreateTruncating(width), mean = Vector.Sum(sum) / count, slope = Vector.Sum(product) / count;
            Vector<T> meanOfAll = new(mean), slopeOfAll = new(slope);
            for (i = 0; i <= width - Vector<T>.Count; i += Vector<T>.Count)
            {
                var n = (Vector.Load(x + i) - m - c) * r;
                var v = (Vector.Load(g + i) * Vector.Load(w + i) - meanOfAll - n * slopeOfAll) * r;
                (accumulate ? Vector.Load(dx + i) + v : v).Store(dx + i);
            }
            for (; i < width; i++)
            {
                T v = (g[i] * w[i] - mean - (x[i] - s[0] - s[1]) * s[2] * slope) * s[2];
                dx[i] = accumulate ? dx[i] + v : v;
            }
        }
    }
}
