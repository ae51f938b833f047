using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void BatchNormStatistics(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean, Tensor? runningVar, double momentum)
    {
        if (x.DType == DType.Float32)
            BatchNormStatistics<float>(x, weight, bias, eps, saved, runningMean, runningVar, momentum);
        else
            BatchNormStatistics<double>(x, weight, bias, eps, saved, runningMean, runningVar, momentum);
    }

    public override void BatchNormFrozen(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved)
    {
        if (saved.DType == DType.Float32)
            BatchNormFrozen<float>(weight, bias, mean, variance, eps, saved);
        else
            BatchNormFrozen<double>(weight, bias, mean, variance, eps, saved);
    }

    public override void BatchNormApply(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y)
    {
        if (x.DType == DType.Float32)
            BatchNormApply<float>(x, saved, residual, relu, y);
        else
            BatchNormApply<double>(x, saved, residual, relu, y);
    }

    public override void Increment(Tensor counter) => ++*counter.Pointer<long>();

    static void BatchNormStatistics<T>(Tensor x, Tensor weight, Tensor bias, double eps, Tensor saved, Tensor? runningMean, Tensor? runningVar, double momentum)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = x.Shape[-1];
        var tiles = new ChannelTiles(x.Count / Math.Max(1, channels), channels);
        T* moments = Scratch.Get<T>(ScratchUse.Partials, (long)tiles.RowTiles * channels * 3);
        var sums = new MomentTiles<T> { Tiles = tiles, X = x.Pointer<T>(), Moments = moments };
        WorkerPool.For(tiles.Count, ref sums);
        var coefficients = new BatchNormCoefficients<T>(weight, bias, eps, saved);
        T* mean = PointerOrNull<T>(runningMean), variance = PointerOrNull<T>(runningVar);
        double unbias = tiles.Rows / (tiles.Rows - 1.0);
        for (int c = 0; c < channels; c++)
        {
            var (batchMean, batchVariance) = Combine(tiles, moments, c);
            coefficients.Set(c, batchMean, batchVariance);
            if (mean is null)
                continue;
            mean[c] = T.CreateTruncating(((1 - momentum) * double.CreateTruncating(mean[c])) + (momentum * batchMean));
            variance[c] = T.CreateTruncating(((1 - momentum) * double.CreateTruncating(variance[c])) + (momentum * batchVariance * unbias));
        }
    }

    /// <summary>Mean and biased variance of a channel from the moments of its tiles (Chan, Golub and LeVeque 1979), in double.</summary>
    static (double Mean, double Variance) Combine<T>(in ChannelTiles tiles, T* moments, int channel) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double sum = 0, squares = 0;
        for (int i = 0; i < tiles.RowTiles; i++)
        {
            T* m = moments + ((long)i * tiles.Channels * 3) + channel;
            sum += (tiles.RowsOf(i) * double.CreateTruncating(m[0])) + double.CreateTruncating(m[tiles.Channels]);
        }
        double mean = sum / tiles.Rows;
        for (int i = 0; i < tiles.RowTiles; i++)
        {
            T* m = moments + ((long)i * tiles.Channels * 3) + channel;
            int rows = tiles.RowsOf(i);
            double offset = double.CreateTruncating(m[tiles.Channels]), square = double.CreateTruncating(m[2 * tiles.Channels]);
            double distance = double.CreateTruncating(m[0]) + (offset / rows) - mean;
            squares += Math.Max(0, square - (offset * offset / rows)) + (rows * distance * distance);
        }
        return (mean, squares / tiles.Rows);
    }

    static void BatchNormFrozen<T>(Tensor weight, Tensor bias, Tensor mean, Tensor variance, double eps, Tensor saved)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var coefficients = new BatchNormCoefficients<T>(weight, bias, eps, saved);
        T* means = mean.Pointer<T>(), variances = variance.Pointer<T>();
        for (int c = 0; c < mean.Count; c++)
            coefficients.Set(c, double.CreateTruncating(means[c]), double.CreateTruncating(variances[c]));
    }

    static void BatchNormApply<T>(Tensor x, Tensor saved, Tensor? residual, bool relu, Tensor y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = x.Shape[-1];
        ForRows(x.Count / Math.Max(1, channels), channels, new BatchNormApplyRows<T>
        {
            Channels = channels, X = x.Pointer<T>(), Y = y.Pointer<T>(), Saved = saved.Pointer<T>(), Residual = PointerOrNull<T>(residual), Relu = relu,
        });
    }

    /// <summary>Writes the rows of <see cref="BatchNormRow"/>.</summary>
    readonly struct BatchNormCoefficients<T>(Tensor weight, Tensor bias, double eps, Tensor saved) where T : unmanaged, IFloatingPointIeee754<T>
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

    /// <summary>
    /// For each channel of a tile: a reference value, and the sums of the distances from it and of their squares. The reference is
    /// the mean of every eighth group of rows, so that what cancels later is at most eight times the variance, whatever the mean.
    /// </summary>
    struct MomentTiles<T> : IParallelBody where T : unmanaged, IFloatingPointIeee754<T>
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
            int sampled = 0;
            for (int row = 0; row < rows; row += 8 * ChannelTiles.Group)
            {
                int count = Math.Min(ChannelTiles.Group, rows - row);
                Group<Sample>(x + ((long)row * stride), stride, count, channels, moments);
                sampled += count;
            }
            var share = T.One / T.CreateTruncating(sampled);
            for (int c = 0; c < channels; c++)
                moments[c] *= share;
            for (int row = 0; row < rows; row += ChannelTiles.Group)
                Group<Deviation>(x + ((long)row * stride), stride, Math.Min(ChannelTiles.Group, rows - row), channels, moments);
        }

        static void Group<TStep>(T* x, int stride, int rows, int channels, T* moments) where TStep : struct, IStep
        {
            int c = 0;
            for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                TStep.Run(default(WholeVector), x + c, stride, rows, moments + c);
            if (c < channels)
                TStep.Run(new PartOfVector(channels - c), x + c, stride, rows, moments + c);
        }

        interface IStep
        {
            static abstract void Run<TLanes>(TLanes lanes, T* x, int stride, int rows, T* moments) where TLanes : struct, IVectorLanes;
        }

        readonly struct Sample : IStep
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Run<TLanes>(TLanes lanes, T* x, int stride, int rows, T* moments) where TLanes : struct, IVectorLanes
            {
                var sum = lanes.Load(moments);
                for (; rows > 0; rows--, x += stride)
                    sum += lanes.Load(x);
                lanes.Store(sum, moments);
            }
        }

        readonly struct Deviation : IStep
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Run<TLanes>(TLanes lanes, T* x, int stride, int rows, T* moments) where TLanes : struct, IVectorLanes
            {
                Vector<T> reference = lanes.Load(moments), sum = Vector<T>.Zero, squares = Vector<T>.Zero;
                for (; rows > 0; rows--, x += stride)
                {
                    var d = lanes.Load(x) - reference;
                    sum += d;
                    squares += d * d;
                }
                // The rows of moments are as far apart as the rows of x.
                lanes.Store(lanes.Load(moments + stride) + sum, moments + stride);
                lanes.Store(lanes.Load(moments + (2 * stride)) + squares, moments + (2 * stride));
            }
        }
    }

    struct BatchNormApplyRows<T> : IRowBody where T : unmanaged, IFloatingPointIeee754<T>
    {
        public int Channels;
        public T* X, Y, Residual, Saved;
        public bool Relu;

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                long offset = row * Channels;
                T* x = X + offset, y = Y + offset, residual = Residual is null ? null : Residual + offset;
                int c = 0;
                for (; c <= Channels - Vector<T>.Count; c += Vector<T>.Count)
                    Apply(default(WholeVector), x + c, y + c, residual is null ? null : residual + c, Saved + c);
                if (c < Channels)
                    Apply(new PartOfVector(Channels - c), x + c, y + c, residual is null ? null : residual + c, Saved + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Apply<TLanes>(TLanes lanes, T* x, T* y, T* residual, T* saved) where TLanes : struct, IVectorLanes
        {
            var value = Normalize(lanes, lanes.Load(x) - lanes.Load(saved), saved, Channels);
            if (residual is not null)
                value += lanes.Load(residual);
            if (Relu)
                value = Vector.ConditionalSelect(Vector.LessThan(value, Vector<T>.Zero), Vector<T>.Zero, value);
            lanes.Store(value, y);
        }
    }

    /// <summary>The forward pass and the backward pass that asks for the sign of its result must agree in every bit, so both call this.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> Normalize<T, TLanes>(TLanes lanes, Vector<T> distance, T* saved, int channels)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TLanes : struct, IVectorLanes =>
        (distance * lanes.Load(saved + (BatchNormRow.Scale * channels))) + lanes.Load(saved + (BatchNormRow.Shift * channels));
}
