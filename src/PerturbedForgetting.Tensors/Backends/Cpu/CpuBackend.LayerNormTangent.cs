using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void LayerNormTangent(Tensor x, Tensor tangent, Tensor weight, Tensor weightTangent, Tensor biasTangent,
        Tensor statistics, Tensor ytangent) =>
        ForLastDimension(x, new LayerNormTangentRows(x, tangent, weight, weightTangent, biasTangent, statistics, ytangent));

    public override void LayerNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, Tensor weight,
        Tensor weightTangent, Tensor statistics, in LayerNormGradients gradients)
    {
        int width = x.Shape[-1];
        var parts = RowParts.For(x.Count / width, 8L * width);
        long size = (long)parts.Count * width;
        T* partial = Scratch.Get<T>(ScratchUse.Reduction, 2 * size);
        var body = new LayerNormBackwardTangentBody(dy, dyTangent, x, tangent, weight, weightTangent, statistics, gradients)
        {
            Parts = parts,
            WeightSums = partial,
            BiasSums = partial + size,
        };
        WorkerPool.For(parts.Count, ref body);
        AddParts(partial, parts.Count, width, gradients);
    }

    /// <summary>A vector of a row, or what is left of one, with zeros behind it.</summary>
    static Vector<T> Load(T* x, int count) => count >= Vector<T>.Count ? Vector.Load(x) : RowMath.LoadEnd(x, count, T.Zero);

    static void Store(Vector<T> value, T* to, int count)
    {
        if (count >= Vector<T>.Count)
            value.Store(to);
        else
            RowMath.StoreEnd(value, to, count);
    }

    /// <summary>(x - mean) / deviation, of a vector of a row; zeros behind the row's end.</summary>
    static Vector<T> Normal(T* x, T* statistics, int count) =>
        ((count >= Vector<T>.Count ? Vector.Load(x) : RowMath.LoadEnd(x, count, statistics[0] + statistics[1]))
            - new Vector<T>(statistics[0]) - new Vector<T>(statistics[1])) * new Vector<T>(statistics[2]);

    struct LayerNormTangentRows(Tensor x, Tensor tangent, Tensor weight, Tensor weightTangent, Tensor biasTangent, Tensor statistics,
        Tensor ytangent) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), moves = tangent.Pointer<T>(), w = weight.Pointer<T>(), dw = weightTangent.Pointer<T>(),
            db = biasTangent.Pointer<T>(), stats = statistics.Pointer<T>(), target = ytangent.Pointer<T>();
        readonly int width = x.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
                Row(source + (row * width), moves + (row * width), stats + (row * 3), target + (row * width));
        }

        readonly void Row(T* x, T* v, T* s, T* y)
        {
            Vector<T> sum = default, product = default, r = new(s[2]);
            for (int i = 0; i < width; i += Vector<T>.Count)
            {
                var move = Load(v + i, width - i);
                sum += move;
                product = RowMath.MultiplyAdd(move, Normal(x + i, s, width - i), product);
            }
            T count = T.CreateTruncating(width);
            Vector<T> mean = new(Vector.Sum(sum) / count), slope = new(Vector.Sum(product) / count);
            for (int i = 0; i < width; i += Vector<T>.Count)
            {
                int left = width - i;
                var n = Normal(x + i, s, left);
                var change = (Load(v + i, left) - mean - (n * slope)) * r;
                Store(RowMath.MultiplyAdd(change, Load(w + i, left), RowMath.MultiplyAdd(n, Load(dw + i, left), Load(db + i, left))),
                    y + i, left);
            }
        }
    }

    struct LayerNormBackwardTangentBody(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, Tensor weight, Tensor weightTangent,
        Tensor statistics, LayerNormGradients gradients) : IParallelBody
    {
        readonly T* upstream = dy.Pointer<T>(), upstreamTangent = dyTangent.Pointer<T>(), source = x.Pointer<T>(),
            moves = tangent.Pointer<T>(), w = weight.Pointer<T>(), dw = weightTangent.Pointer<T>(), stats = statistics.Pointer<T>(),
            target = PointerOrNull(gradients.X);
        readonly bool accumulate = gradients.AccumulateX;
        readonly int width = x.Shape[-1];

        public RowParts Parts;
        public T* WeightSums, BiasSums;

        public readonly void Run(int part)
        {
            T* weightSum = WeightSums + ((long)part * width), biasSum = BiasSums + ((long)part * width);
            new Span<T>(weightSum, width).Clear();
            new Span<T>(biasSum, width).Clear();
            for (long row = Parts.First(part); row < Parts.End(part); row++)
                Row(row * width, stats + (row * 3), weightSum, biasSum);
        }

        /// <summary>With n' = r (v - mean(v) - n mean(v n)), the means of g n' follow from those of g v and of the factors.</summary>
        readonly void Row(long at, T* s, T* weightSum, T* biasSum)
        {
            T* g = upstream + at, h = upstreamTangent + at, x = source + at, v = moves + at;
            Vector<T> ofG = default, ofGn = default, ofH = default, ofHn = default, ofV = default, ofVn = default, ofGv = default;
            for (int i = 0; i < width; i += Vector<T>.Count)
            {
                int left = width - i;
                Vector<T> n = Normal(x + i, s, left), dy = Load(g + i, left), weight = Load(w + i, left), gain = dy * weight,
                    gainTangent = RowMath.MultiplyAdd(Load(h + i, left), weight, dy * Load(dw + i, left)), move = Load(v + i, left);
                ofG += gain;
                ofGn = RowMath.MultiplyAdd(gain, n, ofGn);
                ofH += gainTangent;
                ofHn = RowMath.MultiplyAdd(gainTangent, n, ofHn);
                ofV += move;
                ofVn = RowMath.MultiplyAdd(move, n, ofVn);
                ofGv = RowMath.MultiplyAdd(gain, move, ofGv);
            }
            T count = T.CreateTruncating(width), r = s[2];
            T g0 = Vector.Sum(ofG) / count, g1 = Vector.Sum(ofGn) / count, v0 = Vector.Sum(ofV) / count, v1 = Vector.Sum(ofVn) / count;
            T bent = r * ((Vector.Sum(ofGv) / count) - (g0 * v0) - (g1 * v1));
            Vector<T> meanG = new(g0), slopeG = new(g1), meanH = new(Vector.Sum(ofH) / count),
                slopeH = new((Vector.Sum(ofHn) / count) + bent), meanV = new(v0), slopeV = new(v1), inverse = new(r);
            for (int i = 0; i < width; i += Vector<T>.Count)
            {
                int left = width - i;
                Vector<T> n = Normal(x + i, s, left), dy = Load(g + i, left), dyTangent = Load(h + i, left), weight = Load(w + i, left);
                Vector<T> change = (Load(v + i, left) - meanV - (n * slopeV)) * inverse;
                Store(Load(biasSum + i, left) + dyTangent, biasSum + i, left);
                Store(RowMath.MultiplyAdd(dyTangent, n, RowMath.MultiplyAdd(dy, change, Load(weightSum + i, left))), weightSum + i, left);
                if (target is null)
                    continue;
                Vector<T> dx = (dy * weight) - meanG - (n * slopeG),
                    moved = RowMath.MultiplyAdd(dyTangent, weight, dy * Load(dw + i, left));
                var value = (moved - meanH - (n * slopeH) - (change * slopeG) - (dx * slopeV * inverse)) * inverse;
                T* to = target + at + i;
                Store(accumulate ? Load(to, left) + value : value, to, left);
            }
        }
    }
}
