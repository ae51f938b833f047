using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void BatchNormBackward(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch,
        in BatchNormGradients gradients)
    {
        if (!relu)
            BatchNormBackward<WithoutRelu>(dy, x, null, saved, batch, gradients);
        else if (y is null)
            BatchNormBackward<SignFromInput>(dy, x, null, saved, batch, gradients);
        else
            BatchNormBackward<SignFromOutput>(dy, x, y, saved, batch, gradients);
    }

    /// <summary>
    /// With g = dy where the relu let through, d = x - center and n rows: dbias = sum g, dweight = sum g·(d - remainder)/deviation,
    /// dx = scale·(g - dbias/n - (d - remainder)/deviation · dweight/n) = g·scale + d·slope + level, with frozen statistics g·scale.
    /// The first pass reads dy, x and perhaps y and makes the sums; the second makes dx. Where there is a residual the first pass has
    /// already written g, its gradient, and the second reads that.
    /// </summary>
    static void BatchNormBackward<TMask>(Tensor dy, Tensor x, Tensor? y, Tensor saved, bool batch, in BatchNormGradients gradients)
        where TMask : struct, IReluMask
    {
        int channels = x.Shape[-1];
        var tiles = new ChannelTiles(x.Count / Math.Max(1, channels), channels, WorkerPool.Threads);
        // The sums of the tiles, then the two coefficients of each channel.
        T* sums = Scratch.Get<T>(ScratchUse.Partials, (long)(tiles.RowTiles + 1) * channels * 2);
        T* coefficients = sums + ((long)tiles.RowTiles * channels * 2);
        T* dx = PointerOrNull(gradients.X), residual = PointerOrNull(gradients.Residual);
        if (gradients.Weight is not null || gradients.Bias is not null || (batch && dx is not null))
        {
            var pass = new BatchNormBackwardSums<TMask>
            {
                Tiles = tiles,
                Dy = dy.Pointer<T>(),
                X = x.Pointer<T>(),
                Y = PointerOrNull(y),
                Saved = saved.Pointer<T>(),
                Residual = residual,
                Sums = sums,
            };
            WorkerPool.For(tiles.Count, ref pass);
            ForRows(channels, ChannelCost + (tiles.RowTiles * 2), new BatchNormBackwardChannels
            {
                Tiles = tiles,
                Sums = sums,
                Saved = saved.Pointer<T>(),
                Batch = batch,
                Coefficients = coefficients,
                Weight = PointerOrNull(gradients.Weight),
                Bias = PointerOrNull(gradients.Bias),
                AddWeight = gradients.AccumulateWeight,
                AddBias = gradients.AccumulateBias,
            });
            if (dx is not null && residual is not null)
            {
                ForRows(tiles.Rows, channels, new BatchNormBackwardRows<WithoutRelu>
                {
                    Channels = channels,
                    Dy = residual,
                    X = x.Pointer<T>(),
                    Saved = saved.Pointer<T>(),
                    Coefficients = coefficients,
                    Dx = dx,
                });
                return;
            }
            residual = null;
        }
        else
        {
            new Span<T>(coefficients, 2 * channels).Clear();
        }
        if (dx is not null || residual is not null)
            ForRows(tiles.Rows, channels, new BatchNormBackwardRows<TMask>
            {
                Channels = channels,
                Dy = dy.Pointer<T>(),
                X = x.Pointer<T>(),
                Y = PointerOrNull(y),
                Saved = saved.Pointer<T>(),
                Coefficients = coefficients,
                Dx = dx,
                Residual = residual,
            });
    }

    /// <summary>Adds the tiles up and makes of their sums the gradients of weight and bias and the coefficients of dx; a row is a
    /// channel.</summary>
    struct BatchNormBackwardChannels : IRowBody
    {
        public ChannelTiles Tiles;
        public T* Sums, Saved, Coefficients, Weight, Bias;
        public bool Batch, AddWeight, AddBias;

        public readonly void Run(long first, long end)
        {
            int channels = Tiles.Channels;
            for (int c = (int)first; c < end; c++)
            {
                double sum = 0, product = 0;
                for (int i = 0; i < Tiles.RowTiles; i++)
                {
                    T* row = Sums + ((long)i * channels * 2) + c;
                    sum += double.CreateTruncating(row[0]);
                    product += double.CreateTruncating(row[channels]);
                }
                double inverse = Value(BatchNormRow.InverseDeviation, c), remainder = Value(BatchNormRow.Remainder, c),
                    scale = Value(BatchNormRow.Scale, c);
                product = (product - (remainder * sum)) * inverse;
                if (Bias is not null)
                    Bias[c] = T.CreateTruncating(sum) + (AddBias ? Bias[c] : T.Zero);
                if (Weight is not null)
                    Weight[c] = T.CreateTruncating(product) + (AddWeight ? Weight[c] : T.Zero);
                double slope = Batch ? -scale * inverse * product / Tiles.Rows : 0;
                Coefficients[c] = T.CreateTruncating(slope);
                Coefficients[channels + c] = T.CreateTruncating(Batch ? (-scale * sum / Tiles.Rows) - (slope * remainder) : 0);
            }
        }

        readonly double Value(int row, int channel) => double.CreateTruncating(Saved[(row * Tiles.Channels) + channel]);
    }

    /// <summary>How the backward pass knows where the relu cut off; a type, so that each way gets loops of its own.</summary>
    interface IReluMask;

    /// <summary>There was none.</summary>
    readonly struct WithoutRelu : IReluMask;

    /// <summary>The output's sign is computed again from the input.</summary>
    readonly struct SignFromInput : IReluMask;

    /// <summary>The output is read.</summary>
    readonly struct SignFromOutput : IReluMask;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> Masked<TMask, TLanes>(TLanes lanes, Vector<T> dy, Vector<T> d, Vector<T> scale, Vector<T> shift, T* y)
        where TLanes : struct, IVectorLanes
    {
        if (typeof(TMask) == typeof(WithoutRelu))
            return dy;
        var output = typeof(TMask) == typeof(SignFromOutput) ? lanes.Load(y) : Normalize(d, scale, shift);
        return Vector.ConditionalSelect(Vector.GreaterThan(output, Vector<T>.Zero), dy, Vector<T>.Zero);
    }

    /// <summary>Sums of g and of g·d over each tile, and g itself where the residual wants it.</summary>
    struct BatchNormBackwardSums<TMask> : IParallelBody
    {
        public ChannelTiles Tiles;
        public T* Dy, X, Y, Saved, Residual, Sums;

        public readonly void Run(int index)
        {
            var (rowTile, channel, rows, channels) = Tiles.Tile(index);
            int stride = Tiles.Channels;
            T* sums = Sums + ((long)rowTile * stride * 2) + channel;
            new Span<T>(sums, channels).Clear();
            new Span<T>(sums + stride, channels).Clear();
            long at = ((long)rowTile * Tiles.TileRows * stride) + channel, ahead = Tiles.Ahead;
            for (int row = 0; row < rows; row += Tiles.Group, at += (long)Tiles.Group * stride)
            {
                T* dy = Dy + at, x = X + at, y = Y + at, residual = Residual is null ? null : Residual + at, saved = Saved + channel;
                int count = Math.Min(Tiles.Group, rows - row), c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Group(default(WholeVector), dy + c, x + c, y + c, residual is null
                        ? null
                        : residual + c, saved + c, stride, count, ahead, sums + c);
                if (c < channels)
                    Group(new PartOfVector(channels - c), dy + c, x + c, y + c, residual is null
                        ? null
                        : residual + c, saved + c, stride, count, ahead, sums + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Group<TLanes>(TLanes lanes, T* dy, T* x, T* y, T* residual, T* saved, int stride, int rows, long ahead, T* sums)
            where TLanes : struct, IVectorLanes
        {
            Vector<T> sum = Vector<T>.Zero, product = Vector<T>.Zero, center = lanes.Load(saved);
            var scale = lanes.Load(saved + (BatchNormRow.Scale * stride));
            var shift = lanes.Load(saved + (BatchNormRow.Shift * stride));
            long at = 0;
            for (; rows >= 2; rows -= 2, at += 2 * stride)
            {
                Add(at);
                Add(at + stride);
            }
            if (rows > 0)
                Add(at);
            lanes.Store(lanes.Load(sums) + sum, sums);
            lanes.Store(lanes.Load(sums + stride) + product, sums + stride);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void Add(long i)
            {
                if (ahead > 0)
                {
                    Lanes.Prefetch(x + i + ahead);
                    Lanes.Prefetch(dy + i + ahead);
                    if (typeof(TMask) == typeof(SignFromOutput))
                        Lanes.Prefetch(y + i + ahead);
                }
                var d = lanes.Load(x + i) - center;
                var g = Masked<TMask, TLanes>(lanes, lanes.Load(dy + i), d, scale, shift, y + i);
                if (typeof(TMask) == typeof(SignFromOutput) && residual is not null)
                    lanes.Store(g, residual + i);
                sum += g;
                product += g * d;
            }
        }
    }

    /// <summary>dx, and g where the residual wants it and no sums have made it.</summary>
    struct BatchNormBackwardRows<TMask> : IRowBody
    {
        public int Channels;
        public T* Dy, X, Y, Saved, Coefficients, Dx, Residual;

        public readonly void Run(long first, long end)
        {
            T* saved = Saved, coefficients = Coefficients;
            int channels = Channels;
            for (long row = first; row < end; row++)
            {
                long at = row * channels;
                T* dy = Dy + at, x = X + at, y = Y + at, dx = Dx is null ? null : Dx + at,
                    residual = Residual is null ? null : Residual + at;
                int c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Differentiate(default(WholeVector), dy, x, y, dx, residual, saved, coefficients, channels, c);
                if (c < channels)
                    Differentiate(new PartOfVector(channels - c), dy, x, y, dx, residual, saved, coefficients, channels, c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Differentiate<TLanes>(TLanes lanes, T* dy, T* x, T* y, T* dx, T* residual, T* saved, T* coefficients, int channels,
            int c)
            where TLanes : struct, IVectorLanes
        {
            var scale = lanes.Load(saved + (BatchNormRow.Scale * channels) + c);
            var shift = typeof(TMask) == typeof(SignFromInput) ? lanes.Load(saved + (BatchNormRow.Shift * channels) + c) : Vector<T>.Zero;
            var d = lanes.Load(x + c) - lanes.Load(saved + c);
            var g = Masked<TMask, TLanes>(lanes, lanes.Load(dy + c), d, scale, shift, y + c);
            if (typeof(TMask) == typeof(SignFromOutput) && residual is not null)
                lanes.Store(g, residual + c);
            if (dx is not null)
                lanes.Store((g * scale) + (d * lanes.Load(coefficients + c)) + lanes.Load(coefficients + channels + c), dx + c);
        }
    }
}
