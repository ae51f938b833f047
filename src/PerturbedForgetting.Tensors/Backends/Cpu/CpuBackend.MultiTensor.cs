using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    /// <summary>Tiles are multiples of 64 bytes, as is every vector, so the passes need no remainder loops.</summary>
    static void ForTiles<TBody>(MultiTensorLayout layout, ref TBody body) where TBody : struct, IParallelBody =>
        WorkerPool.For(layout.Tiles.Length, ref body);

    /// <summary>Size from which a flat buffer is written past the caches, as none of it would be there when it is read.</summary>
    const long StreamedBytes = 32 << 20;

    /// <summary>x·|w|ᵏ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> Weighted(Vector<T> x, T* weights, Weighting weighting)
    {
        if (weighting == Weighting.None)
            return x;
        var magnitude = Vector.Abs(Vector.Load(weights));
        x *= magnitude;
        return weighting == Weighting.Magnitude ? x : x * magnitude;
    }

    static ref double Number(Tensor x) => ref *x.Pointer<double>();

    /// <summary>The sum a·x + b·|w|ᵏ·z as a kernel sees it; what scales it is already in a and b.</summary>
    readonly struct GradientSource
    {
        readonly T* x, z;
        readonly Weighting weighting;
        readonly T a, b;

        public GradientSource(in UpdateGradient gradient, double scale)
        {
            x = gradient.Values.Pointer<T>();
            a = T.CreateTruncating(scale);
            if (gradient.Direction is not { } direction)
                return;
            z = direction.Pointer<T>();
            weighting = gradient.Weighting;
            double* coefficients = gradient.Coefficients!.Pointer<double>();
            (a, b) = (T.CreateTruncating(scale * coefficients[0]), T.CreateTruncating(scale * coefficients[1]));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Load(long i, T* weights)
        {
            var g = Vector.Load(x + i) * new Vector<T>(a);
            return z is null ? g : g + (Weighted(Vector.Load(z + i), weights + i, weighting) * new Vector<T>(b));
        }
    }

    public override void StepAlong(MultiTensorLayout layout, Tensor weights, Tensor d, Weighting weighting, Tensor squaredNorm,
        Tensor radius, double sign, Tensor? finite, Tensor y)
    {
        if (finite is not null && !double.IsFinite(Number(squaredNorm)))
            Number(finite) = 0;
        double step = sign * Number(radius) / (Math.Sqrt(Number(squaredNorm)) + 1e-12);
        var body = new StepAlongBody
        {
            Tiles = layout.Tiles,
            W = weights.Pointer<T>(),
            D = d.Pointer<T>(),
            Y = y.Pointer<T>(),
            Weighting = weighting,
            Step = T.CreateTruncating(step),
            Streams = y.Count * sizeof(T) >= StreamedBytes,
        };
        ForTiles(layout, ref body);
    }

    struct StepAlongBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public T* W, D, Y;
        public Weighting Weighting;
        public T Step;
        public bool Streams;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            T* w = W + tile.Offset, d = D + tile.Offset, y = Y + tile.Offset;
            if (!tile.IsTrainable)
            {
                Unsafe.CopyBlock(y, w, (uint)(tile.Length * sizeof(T)));
                return;
            }
            var (weighting, step) = (Weighting, new Vector<T>(Step));
            for (int i = 0; !Streams && i < tile.Length; i += Vector<T>.Count)
                (Vector.Load(w + i) + (Weighted(Vector.Load(d + i), w + i, weighting) * step)).Store(y + i);
            for (int i = 0; Streams && i < tile.Length; i += Vector<T>.Count)
                (Vector.Load(w + i) + (Weighted(Vector.Load(d + i), w + i, weighting) * step)).StoreAlignedNonTemporal(y + i);
        }
    }

    public override void Combine(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y)
    {
        var body = new CombineBody
        {
            Tiles = layout.Tiles,
            Source = new(gradient, scale),
            W = weights.Pointer<T>(),
            Y = y.Pointer<T>(),
            Accumulate = accumulate,
        };
        ForTiles(layout, ref body);
    }

    struct CombineBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public GradientSource Source;
        public T* W, Y;
        public bool Accumulate;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            var (source, accumulate) = (Source, Accumulate);
            T* w = W, y = Y;
            for (long i = tile.Offset; i < tile.Offset + tile.Length; i += Vector<T>.Count)
            {
                var g = source.Load(i, w);
                (accumulate ? Vector.Load(y + i) + g : g).Store(y + i);
            }
        }
    }

    public override void Accumulate(MultiTensorLayout layout, in UpdateGradient gradient, Tensor weights, double scale, bool accumulate,
        Tensor y)
    {
        var body = new AccumulateBody
        {
            Tiles = layout.Tiles,
            Source = new(gradient, scale),
            W = weights.Pointer<T>(),
            Y = y.Pointer<double>(),
            Accumulate = accumulate,
        };
        ForTiles(layout, ref body);
    }

    struct AccumulateBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public GradientSource Source;
        public T* W;
        public double* Y;
        public bool Accumulate;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            var (source, accumulate) = (Source, Accumulate);
            T* w = W;
            double* y = Y;
            for (long i = tile.Offset; i < tile.Offset + tile.Length; i += Vector<T>.Count)
            {
                var g = source.Load(i, w);
                if (typeof(T) == typeof(double))
                {
                    Add(g.As<T, double>(), y + i, accumulate);
                    continue;
                }
                Vector.Widen(g.As<T, float>(), out var low, out var high);
                Add(low, y + i, accumulate);
                Add(high, y + i + Vector<double>.Count, accumulate);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Add(Vector<double> g, double* y, bool accumulate) => (accumulate ? Vector.Load(y) + g : g).Store(y);
    }

    public override void Narrow(MultiTensorLayout layout, Tensor x, Tensor y)
    {
        var body = new NarrowBody { Tiles = layout.Tiles, X = x.Pointer<double>(), Y = y.Pointer<T>() };
        ForTiles(layout, ref body);
    }

    struct NarrowBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public double* X;
        public T* Y;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            double* x = X;
            T* y = Y;
            for (long i = tile.Offset; i < tile.Offset + tile.Length; i += Vector<T>.Count)
            {
                var v = Vector.Load(x + i);
                (typeof(T) == typeof(double)
                    ? v.As<double, T>()
                    : Vector.Narrow(v, Vector.Load(x + i + Vector<double>.Count)).As<float, T>()).Store(y + i);
            }
        }
    }

    public override void Lerp(MultiTensorLayout layout, Tensor y, Tensor target, Tensor factor)
    {
        var body = new LerpBody
        {
            Tiles = layout.Tiles,
            Y = y.Pointer<T>(),
            Target = target.Pointer<T>(),
            Factor = T.CreateTruncating(Number(factor)),
            Rest = T.CreateTruncating(1 - Number(factor)),
        };
        ForTiles(layout, ref body);
    }

    struct LerpBody : IParallelBody
    {
        public MultiTensorLayout.Tile[] Tiles;
        public T* Y, Target;
        public T Factor, Rest;

        public readonly void Run(int index)
        {
            var tile = Tiles[index];
            if (!tile.IsTrainable)
                return;
            var (factor, rest) = (new Vector<T>(Factor), new Vector<T>(Rest));
            T* y = Y + tile.Offset, target = Target + tile.Offset;
            for (int i = 0; i < tile.Length; i += Vector<T>.Count)
                ((factor * Vector.Load(target + i)) + (rest * Vector.Load(y + i))).Store(y + i);
        }
    }

    public override void Lerp(Tensor y, Tensor target, Tensor factor)
    {
        switch (y.DType)
        {
            case DType.Float32: Mix<float, float>(y, target, factor); break;
            case DType.Float64: Mix<double, double>(y, target, factor); break;
            case DType.Int32: Mix<int, float>(y, target, factor); break;
            case DType.Int64: Mix<long, float>(y, target, factor); break;
            default: Mix<byte, float>(y, target, factor); break;
        }
    }

    static void Mix<TElement, TMix>(Tensor y, Tensor target, Tensor factor)
        where TElement : unmanaged, INumber<TElement>
        where TMix : unmanaged, INumber<TMix>
    {
        var (f, rest) = (TMix.CreateTruncating(Number(factor)), TMix.CreateTruncating(1 - Number(factor)));
        TElement* to = y.Pointer<TElement>(), from = target.Pointer<TElement>();
        for (long i = 0; i < y.Count; i++)
            to[i] = TElement.CreateTruncating((f * TMix.CreateTruncating(from[i])) + (rest * TMix.CreateTruncating(to[i])));
    }

    public override void Record(Tensor value, double factor, Tensor last, Tensor sum)
    {
        double v = factor * double.CreateTruncating(*value.Pointer<T>());
        Number(last) = v;
        Number(sum) += v;
    }

    public override void AddLosses(Tensor losses, int chunks, long samples, Tensor keep, Tensor sums)
    {
        double* from = losses.Pointer<double>(), to = sums.Pointer<double>();
        double mean = from[1] / chunks, perturbMean = from[3] / chunks;
        if (Number(keep) == 0)
            to[0] = to[1] = to[2] = 0;
        if (!double.IsFinite(mean))
            to[6]++;
        if (!double.IsFinite(mean) || !double.IsFinite(perturbMean))
            return;
        to[0] += from[0] * samples;
        to[1] += from[2] * samples;
        to[2] += samples;
        to[3] += mean * samples;
        to[4] += perturbMean * samples;
        to[5] += samples;
    }

    public override void RequireFinite(Tensor x, Tensor flag)
    {
        T* values = x.Pointer<T>();
        for (long i = 0; i < x.Count; i++)
        {
            if (T.IsFinite(values[i]))
                continue;
            *flag.Pointer<double>() = 0;
            return;
        }
    }

    public override void CopyIfZero(Tensor flag, Tensor x, Tensor y)
    {
        if (Number(flag) == 0)
            Copy(x, y);
    }
}
