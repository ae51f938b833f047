using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void BatchNormBackward(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch, in BatchNormGradients gradients)
    {
        if (dy.DType == DType.Float32)
            BatchNormBackward<float>(dy, x, relu, y, saved, batch, gradients);
        else
            BatchNormBackward<double>(dy, x, relu, y, saved, batch, gradients);
    }

    /// <summary>
    /// With g = dy where the relu let through, d = x - center and n rows: dbias = sum g, dweight = sum g·(d - remainder)/deviation,
    /// dx = scale·(g - dbias/n - (d - remainder)/deviation · dweight/n) = g·scale + d·slope + level, with frozen statistics g·scale.
    /// The first pass reads dy, x and perhaps y and makes the sums; the second makes dx. Where there is a residual the first pass has
    /// already written g, its gradient, and the second reads that.
    /// </summary>
    static void BatchNormBackward<T>(Tensor dy, Tensor x, bool relu, Tensor? y, Tensor saved, bool batch, in BatchNormGradients gradients)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = x.Shape[-1];
        var tiles = new ChannelTiles(x.Count / Math.Max(1, channels), channels);
        var mask = !relu ? ReluMask.None : y is null ? ReluMask.FromInput : ReluMask.FromOutput;
        // The sums of the tiles, then the two coefficients of each channel.
        T* partials = Scratch.Get<T>(ScratchUse.Partials, (long)(tiles.RowTiles + 1) * channels * 2);
        T* coefficients = partials + ((long)tiles.RowTiles * channels * 2);
        var pass = new BatchNormBackwardPass<T>
        {
            Tiles = tiles, Mask = mask, Dy = dy.Pointer<T>(), X = x.Pointer<T>(), Y = PointerOrNull<T>(y), Saved = saved.Pointer<T>(),
            Residual = PointerOrNull<T>(gradients.Residual), Dx = PointerOrNull<T>(gradients.X), Sums = partials, Coefficients = coefficients,
        };
        bool sums = gradients.Weight is not null || gradients.Bias is not null || (batch && gradients.X is not null);
        if (sums)
        {
            WorkerPool.For(tiles.Count, ref pass);
            FinishSums(pass, batch, gradients);
        }
        else
        {
            new Span<T>(coefficients, 2 * channels).Clear();
        }
        if (sums && gradients.Residual is not null)
            pass = pass with { Mask = ReluMask.None, Dy = pass.Residual, Residual = null };
        if (gradients.X is not null || pass.Residual is not null)
            ForRows(tiles.Rows, channels, pass);
    }

    static void FinishSums<T>(in BatchNormBackwardPass<T> pass, bool batch, in BatchNormGradients gradients) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = pass.Tiles.Channels;
        T* dweight = PointerOrNull<T>(gradients.Weight), dbias = PointerOrNull<T>(gradients.Bias);
        for (int c = 0; c < channels; c++)
        {
            double sum = 0, product = 0;
            for (int i = 0; i < pass.Tiles.RowTiles; i++)
            {
                T* row = pass.Sums + ((long)i * channels * 2) + c;
                sum += double.CreateTruncating(row[0]);
                product += double.CreateTruncating(row[channels]);
            }
            double inverse = double.CreateTruncating(pass.Saved[(BatchNormRow.InverseDeviation * channels) + c]);
            double remainder = double.CreateTruncating(pass.Saved[(BatchNormRow.Remainder * channels) + c]);
            double scale = double.CreateTruncating(pass.Saved[(BatchNormRow.Scale * channels) + c]);
            product = (product - (remainder * sum)) * inverse;
            if (dbias is not null)
                dbias[c] = T.CreateTruncating(sum) + (gradients.AccumulateBias ? dbias[c] : T.Zero);
            if (dweight is not null)
                dweight[c] = T.CreateTruncating(product) + (gradients.AccumulateWeight ? dweight[c] : T.Zero);
            double slope = batch ? -scale * inverse * product / pass.Tiles.Rows : 0;
            pass.Coefficients[c] = T.CreateTruncating(slope);
            pass.Coefficients[channels + c] = T.CreateTruncating(batch ? (-scale * sum / pass.Tiles.Rows) - (slope * remainder) : 0);
        }
    }

    /// <summary>How the backward pass knows where the relu cut off.</summary>
    enum ReluMask
    {
        None,
        FromInput,
        FromOutput,
    }

    /// <summary>As tiles, the first pass (sums, the residual's gradient); as rows, the second (dx).</summary>
    struct BatchNormBackwardPass<T> : IParallelBody, IRowBody where T : unmanaged, IFloatingPointIeee754<T>
    {
        public ChannelTiles Tiles;
        public ReluMask Mask;
        public T* Dy, X, Y, Saved, Residual, Dx, Sums, Coefficients;

        public readonly void Run(int index)
        {
            var (rowTile, channel, rows, channels) = Tiles.Tile(index);
            int stride = Tiles.Channels;
            T* sums = Sums + ((long)rowTile * stride * 2) + channel;
            new Span<T>(sums, channels).Clear();
            new Span<T>(sums + stride, channels).Clear();
            long offset = ((long)rowTile * Tiles.TileRows * stride) + channel;
            for (int row = 0; row < rows; row += ChannelTiles.Group, offset += ChannelTiles.Group * stride)
            {
                int count = Math.Min(ChannelTiles.Group, rows - row), c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Sum(default(WholeVector), offset + c, count, channel + c, sums + c);
                if (c < channels)
                    Sum(new PartOfVector(channels - c), offset + c, count, channel + c, sums + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Sum<TLanes>(TLanes lanes, long offset, int rows, int channel, T* sums) where TLanes : struct, IVectorLanes
        {
            int stride = Tiles.Channels;
            Vector<T> sum = Vector<T>.Zero, product = Vector<T>.Zero, center = lanes.Load(Saved + channel);
            for (; rows > 0; rows--, offset += stride)
            {
                var d = lanes.Load(X + offset) - center;
                var g = Masked(lanes, d, offset, channel);
                if (Residual is not null)
                    lanes.Store(g, Residual + offset);
                sum += g;
                product += g * d;
            }
            lanes.Store(lanes.Load(sums) + sum, sums);
            lanes.Store(lanes.Load(sums + stride) + product, sums + stride);
        }

        public readonly void Run(long first, long end)
        {
            int channels = Tiles.Channels;
            for (long row = first; row < end; row++)
            {
                long offset = row * channels;
                int c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Differentiate(default(WholeVector), offset + c, c);
                if (c < channels)
                    Differentiate(new PartOfVector(channels - c), offset + c, c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Differentiate<TLanes>(TLanes lanes, long offset, int channel) where TLanes : struct, IVectorLanes
        {
            int channels = Tiles.Channels;
            var d = lanes.Load(X + offset) - lanes.Load(Saved + channel);
            var g = Masked(lanes, d, offset, channel);
            if (Residual is not null)
                lanes.Store(g, Residual + offset);
            if (Dx is null)
                return;
            var dx = (g * lanes.Load(Saved + (BatchNormRow.Scale * channels) + channel))
                + (d * lanes.Load(Coefficients + channel)) + lanes.Load(Coefficients + channels + channel);
            lanes.Store(dx, Dx + offset);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly Vector<T> Masked<TLanes>(TLanes lanes, Vector<T> d, long offset, int channel) where TLanes : struct, IVectorLanes
        {
            var dy = lanes.Load(Dy + offset);
            if (Mask == ReluMask.None)
                return dy;
            var y = Mask == ReluMask.FromOutput ? lanes.Load(Y + offset) : Normalize(lanes, d, Saved + channel, Tiles.Channels);
            return Vector.ConditionalSelect(Vector.GreaterThan(y, Vector<T>.Zero), dy, Vector<T>.Zero);
        }
    }
}
