using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    // What the divisions and the root of a channel cost, in elements read.
    const int ChannelCost = 64;

    public override void BatchNormStatistics(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean,
        Tensor? runningVar, double momentum,
        Tensor? counter)
    {
        if (counter is not null)
            ++*counter.Pointer<long>();
        int channels = x.Shape[-1];
        var tiles = new ChannelTiles(x.Count / Math.Max(1, channels), channels, WorkerPool.Threads);
        T* moments = Scratch.Get<T>(ScratchUse.Partials, (long)tiles.RowTiles * channels * 3);
        var sums = new MomentTiles { Tiles = tiles, X = x.Pointer<T>(), Moments = moments };
        WorkerPool.For(tiles.Count, ref sums);
        ForRows(channels, ChannelCost + (tiles.RowTiles * 3), new BatchNormStatisticsChannels
        {
            Tiles = tiles,
            Moments = moments,
            Coefficients = new(weight, bias, eps, saved),
            Mean = PointerOrNull(runningMean),
            Variance = PointerOrNull(runningVar),
            Momentum = momentum,
        });
    }

    public override void BatchNormFrozen(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved)
    {
        var coefficients = new BatchNormCoefficients(weight, bias, eps, saved);
        T* means = mean.Pointer<T>(), variances = variance.Pointer<T>();
        for (int c = 0; c < mean.Count; c++)
            coefficients.Set(c, double.CreateTruncating(means[c]), double.CreateTruncating(variances[c]));
    }

    public override void BatchNormApply(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y)
    {
        int channels = x.Shape[-1];
        ForRows(x.Count / Math.Max(1, channels), channels, new BatchNormApplyRows
        {
            Channels = channels,
            X = x.Pointer<T>(),
            Y = y.Pointer<T>(),
            Saved = saved.Pointer<T>(),
            Residual = PointerOrNull(residual),
            Relu = relu,
        });
    }

    /// <summary>Writes the rows of <see cref="BatchNormRow"/>.</summary>
    readonly struct BatchNormCoefficients(Tensor weight, Tensor bias, double eps, Tensor saved)
    {
        readonly T* weight = weight.Pointer<T>(), bias = bias.Pointer<T>(), saved = saved.Pointer<T>();
        readonly int channels = saved.Shape[1];

        public void Set(int channel, double mean, double variance)
        {
            var center = T.CreateTruncating(mean);
            double remainder = mean - double.CreateTruncating(center), inverse = 1 / Math.Sqrt(variance + eps);
            double scale = double.CreateTruncating(weight[channel]) * inverse;
            T* row = saved + channel;
            row[BatchNormRow.Center * channels] = center;
            row[BatchNormRow.Remainder * channels] = T.CreateTruncating(remainder);
            row[BatchNormRow.InverseDeviation * channels] = T.CreateTruncating(inverse);
            row[BatchNormRow.Scale * channels] = T.CreateTruncating(scale);
            row[BatchNormRow.Shift * channels] = T.CreateTruncating(double.CreateTruncating(bias[channel]) - (remainder * scale));
        }
    }

    /// <summary>Puts the tiles together; a row is a channel.</summary>
    struct BatchNormStatisticsChannels : IRowBody
    {
        public ChannelTiles Tiles;
        public T* Moments, Mean, Variance;
        public BatchNormCoefficients Coefficients;
        public double Momentum;

        public readonly void Run(long first, long end)
        {
            double unbias = Tiles.Rows / (Tiles.Rows - 1.0);
            for (int c = (int)first; c < end; c++)
            {
                var (mean, variance) = Combine(c);
                Coefficients.Set(c, mean, variance);
                if (Mean is null)
                    continue;
                Mean[c] = Mix(Mean[c], mean);
                Variance[c] = Mix(Variance[c], variance * unbias);
            }
        }

        readonly T Mix(T running, double batch) =>
            T.CreateTruncating(((1 - Momentum) * double.CreateTruncating(running)) + (Momentum * batch));

        /// <summary>Mean and biased variance of a channel from the moments of its tiles (Chan, Golub and LeVeque 1979), in
        /// double.</summary>
        readonly (double Mean, double Variance) Combine(int channel)
        {
            int channels = Tiles.Channels;
            double sum = 0, squares = 0;
            for (int i = 0; i < Tiles.RowTiles; i++)
            {
                T* m = Moments + ((long)i * channels * 3) + channel;
                sum += (Tiles.RowsOf(i) * double.CreateTruncating(m[0])) + double.CreateTruncating(m[channels]);
            }
            double mean = sum / Tiles.Rows;
            for (int i = 0; i < Tiles.RowTiles; i++)
            {
                T* m = Moments + ((long)i * channels * 3) + channel;
                int rows = Tiles.RowsOf(i);
                double offset = double.CreateTruncating(m[channels]) / rows, distance = double.CreateTruncating(m[0]) + offset - mean;
                squares += Math.Max(0, double.CreateTruncating(m[2 * channels]) - (rows * offset * offset)) + (rows * distance * distance);
            }
            return (mean, squares / Tiles.Rows);
        }
    }

    /// <summary>
    /// For each channel of a tile: a reference value, and the sums of the distances from it and of their squares. The reference is
    /// the mean of every eighth group of rows, so that what cancels later is at most eight times the variance, whatever the mean.
    /// </summary>
    struct MomentTiles : IParallelBody
    {
        public ChannelTiles Tiles;
        public T* X, Moments;

        public void Run(int index)
        {
            var (rowTile, channel, rows, channels) = Tiles.Tile(index);
            int stride = Tiles.Channels;
            T* x = X + ((long)rowTile * Tiles.TileRows * stride) + channel, moments = Moments + ((long)rowTile * stride * 3) + channel;
            new Span<T>(moments, channels).Clear();
            new Span<T>(moments + stride, channels).Clear();
            new Span<T>(moments + (2 * stride), channels).Clear();
            long ahead = Tiles.Ahead;
            int sampled = 0;
            for (int row = 0; row < rows; row += 8 * Tiles.Group)
            {
                int count = Math.Min(Tiles.Group, rows - row);
                Group<Sample>(x + ((long)row * stride), stride, count, 0, channels, moments);
                sampled += count;
            }
            var share = T.One / T.CreateTruncating(sampled);
            for (int c = 0; c < channels; c++)
                moments[c] *= share;
            for (int row = 0; row < rows; row += Tiles.Group)
                Group<Deviation>(x + ((long)row * stride), stride, Math.Min(Tiles.Group, rows - row), ahead, channels, moments);
        }

        static void Group<TStep>(T* x, int stride, int rows, long ahead, int channels, T* moments) where TStep : struct, IStep
        {
            int c = 0;
            for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                Group<TStep, WholeVector>(default, x + c, stride, rows, ahead, moments + c);
            if (c < channels)
                Group<TStep, PartOfVector>(new(channels - c), x + c, stride, rows, ahead, moments + c);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Group<TStep, TLanes>(TLanes lanes, T* x, int stride, int rows, long ahead, T* moments)
            where TStep : struct, IStep
            where TLanes : struct, IVectorLanes
        {
            // The rows of moments are as far apart as the rows of x.
            var reference = TStep.FromReference ? lanes.Load(moments) : Vector<T>.Zero;
            Vector<T> sum = Vector<T>.Zero, squares = Vector<T>.Zero;
            for (; rows >= 4; rows -= 4, x += 4 * stride)
            {
                if (ahead > 0)
                {
                    Lanes.Prefetch(x + ahead);
                    Lanes.Prefetch(x + ahead + stride);
                    Lanes.Prefetch(x + ahead + (2 * stride));
                    Lanes.Prefetch(x + ahead + (3 * stride));
                }
                TStep.Add(lanes.Load(x), reference, ref sum, ref squares);
                TStep.Add(lanes.Load(x + stride), reference, ref sum, ref squares);
                TStep.Add(lanes.Load(x + (2 * stride)), reference, ref sum, ref squares);
                TStep.Add(lanes.Load(x + (3 * stride)), reference, ref sum, ref squares);
            }
            for (; rows > 0; rows--, x += stride)
                TStep.Add(lanes.Load(x), reference, ref sum, ref squares);
            if (!TStep.FromReference)
            {
                lanes.Store(lanes.Load(moments) + sum, moments);
                return;
            }
            lanes.Store(lanes.Load(moments + stride) + sum, moments + stride);
            lanes.Store(lanes.Load(moments + (2 * stride)) + squares, moments + (2 * stride));
        }

        /// <summary>What is added up: the values, into the first row, or distances from that row and their squares, into the other
        /// two.</summary>
        interface IStep
        {
            static abstract bool FromReference { get; }

            static abstract void Add(Vector<T> x, Vector<T> reference, ref Vector<T> sum, ref Vector<T> squares);
        }

        readonly struct Sample : IStep
        {
            public static bool FromReference => false;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Add(Vector<T> x, Vector<T> reference, ref Vector<T> sum, ref Vector<T> squares) => sum += x;
        }

        readonly struct Deviation : IStep
        {
            public static bool FromReference => true;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Add(Vector<T> x, Vector<T> reference, ref Vector<T> sum, ref Vector<T> squares)
            {
                var d = x - reference;
                sum += d;
                squares += d * d;
            }
        }
    }

    struct BatchNormApplyRows : IRowBody
    {
        public int Channels;
        public T* X, Y, Residual, Saved;
        public bool Relu;

        public readonly void Run(long first, long end)
        {
            // Copies, because a store could otherwise change the fields, as far as the compiler knows.
            T* saved = Saved;
            int channels = Channels;
            bool relu = Relu;
            for (long row = first; row < end; row++)
            {
                T* x = X + (row * channels), y = Y + (row * channels), residual = Residual is null ? null : Residual + (row * channels);
                int c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Apply(default(WholeVector), x + c, y + c, residual is null ? null : residual + c, saved + c, channels, relu);
                if (c < channels)
                    Apply(new PartOfVector(channels - c), x + c, y + c, residual is null ? null : residual + c, saved + c, channels, relu);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Apply<TLanes>(TLanes lanes, T* x, T* y, T* residual, T* saved, int channels, bool relu) where TLanes : struct,
            IVectorLanes
        {
            var value = Normalize(lanes.Load(x) - lanes.Load(saved), lanes.Load(saved + (BatchNormRow.Scale * channels)),
                lanes.Load(saved + (BatchNormRow.Shift * channels)));
            if (residual is not null)
                value += lanes.Load(residual);
            if (relu)
                value = Vector.ConditionalSelect(Vector.LessThan(value, Vector<T>.Zero), Vector<T>.Zero, value);
            lanes.Store(value, y);
        }
    }

    /// <summary>The forward pass and the backward pass that asks for the sign of its result must agree in every bit, so both call
    /// this.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> Normalize(Vector<T> distance, Vector<T> scale, Vector<T> shift) => (distance * scale) + shift;
}
