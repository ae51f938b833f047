using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void BatchNormTangent(Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved, Tensor weightTangent,
        Tensor biasTangent, Tensor? residualTangent, Tensor ytangent)
    {
        if (!relu)
            BatchNormTangent<WithoutRelu>(x, tangent, null, saved, weightTangent, biasTangent, residualTangent, ytangent);
        else if (y is null)
            BatchNormTangent<SignFromInput>(x, tangent, null, saved, weightTangent, biasTangent, residualTangent, ytangent);
        else
            BatchNormTangent<SignFromOutput>(x, tangent, y, saved, weightTangent, biasTangent, residualTangent, ytangent);
    }

    public override void BatchNormBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, bool relu, Tensor? y, Tensor saved,
        Tensor weightTangent, in BatchNormGradients gradients)
    {
        if (!relu)
            BatchNormBackwardTangent<WithoutRelu>(dy, dyTangent, x, tangent, null, saved, weightTangent, gradients);
        else if (y is null)
            BatchNormBackwardTangent<SignFromInput>(dy, dyTangent, x, tangent, null, saved, weightTangent, gradients);
        else
            BatchNormBackwardTangent<SignFromOutput>(dy, dyTangent, x, tangent, y, saved, weightTangent, gradients);
    }

    static void BatchNormTangent<TMask>(Tensor x, Tensor tangent, Tensor? y, Tensor saved, Tensor weightTangent, Tensor biasTangent,
        Tensor? residualTangent, Tensor ytangent) where TMask : struct, IReluMask
    {
        int channels = x.Shape[-1];
        ForRows(x.Count / Math.Max(1, channels), channels, new BatchNormTangentRows<TMask>
        {
            Channels = channels,
            X = x.Pointer<T>(),
            Tangent = tangent.Pointer<T>(),
            Y = PointerOrNull(y),
            Saved = saved.Pointer<T>(),
            Weight = weightTangent.Pointer<T>(),
            Bias = biasTangent.Pointer<T>(),
            Residual = PointerOrNull(residualTangent),
            Target = ytangent.Pointer<T>(),
        });
    }

    static void BatchNormBackwardTangent<TMask>(Tensor dy, Tensor dyTangent, Tensor x, Tensor tangent, Tensor? y, Tensor saved,
        Tensor weightTangent, in BatchNormGradients gradients) where TMask : struct, IReluMask
    {
        int channels = x.Shape[-1];
        var tiles = new ChannelTiles(x.Count / Math.Max(1, channels), channels, WorkerPool.Threads);
        // The sums of the tiles, then the coefficients that BatchNormBackwardChannels makes.
        T* sums = Scratch.Get<T>(ScratchUse.Partials, (long)(tiles.RowTiles + 1) * channels * 2);
        var pass = new BatchNormBackwardTangentTiles<TMask>
        {
            Tiles = tiles,
            Dy = dy.Pointer<T>(),
            DyTangent = dyTangent.Pointer<T>(),
            X = x.Pointer<T>(),
            Tangent = tangent.Pointer<T>(),
            Y = PointerOrNull(y),
            Saved = saved.Pointer<T>(),
            Weight = weightTangent.Pointer<T>(),
            Dx = PointerOrNull(gradients.X),
            Residual = PointerOrNull(gradients.Residual),
            Sums = sums,
        };
        WorkerPool.For(tiles.Count, ref pass);
        ForRows(channels, ChannelCost + (tiles.RowTiles * 2), new BatchNormBackwardChannels
        {
            Tiles = tiles,
            Sums = sums,
            Saved = saved.Pointer<T>(),
            Coefficients = sums + ((long)tiles.RowTiles * channels * 2),
            Weight = PointerOrNull(gradients.Weight),
            Bias = PointerOrNull(gradients.Bias),
            AddWeight = gradients.AccumulateWeight,
            AddBias = gradients.AccumulateBias,
        });
    }

    struct BatchNormTangentRows<TMask> : IRowBody
    {
        public int Channels;
        public T* X, Tangent, Y, Saved, Weight, Bias, Residual, Target;

        public readonly void Run(long first, long end)
        {
            int channels = Channels;
            for (long row = first; row < end; row++)
            {
                long at = row * channels;
                int c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Derive(default(WholeVector), at, c);
                if (c < channels)
                    Derive(new PartOfVector(channels - c), at, c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Derive<TLanes>(TLanes lanes, long row, int c) where TLanes : struct, IVectorLanes
        {
            T* saved = Saved + c;
            int channels = Channels;
            long at = row + c;
            Vector<T> scale = lanes.Load(saved + (BatchNormRow.Scale * channels)), d = lanes.Load(X + at) - lanes.Load(saved);
            var normal = (d - lanes.Load(saved + (BatchNormRow.Remainder * channels)))
                * lanes.Load(saved + (BatchNormRow.InverseDeviation * channels));
            var value = (lanes.Load(Tangent + at) * scale) + (normal * lanes.Load(Weight + c)) + lanes.Load(Bias + c);
            if (Residual is not null)
                value += lanes.Load(Residual + at);
            var shift = typeof(TMask) == typeof(SignFromInput) ? lanes.Load(saved + (BatchNormRow.Shift * channels)) : Vector<T>.Zero;
            lanes.Store(Masked<TMask, TLanes>(lanes, value, d, scale, shift, Y + at), Target + at);
        }
    }

    /// <summary>The tangents of dx and of the residual's gradient, and over each tile the sums of g' and of g' d + g tangent.</summary>
    struct BatchNormBackwardTangentTiles<TMask> : IParallelBody
    {
        public ChannelTiles Tiles;
        public T* Dy, DyTangent, X, Tangent, Y, Saved, Weight, Dx, Residual, Sums;

        public readonly void Run(int index)
        {
            var (rowTile, channel, rows, channels) = Tiles.Tile(index);
            int stride = Tiles.Channels;
            T* sums = Sums + ((long)rowTile * stride * 2) + channel;
            new Span<T>(sums, channels).Clear();
            new Span<T>(sums + stride, channels).Clear();
            long at = ((long)rowTile * Tiles.TileRows * stride) + channel;
            for (int row = 0; row < rows; row += Tiles.Group, at += (long)Tiles.Group * stride)
            {
                int count = Math.Min(Tiles.Group, rows - row), c = 0;
                for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
                    Group(default(WholeVector), at + c, channel + c, count, sums + c);
                if (c < channels)
                    Group(new PartOfVector(channels - c), at + c, channel + c, count, sums + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly void Group<TLanes>(TLanes lanes, long at, int channel, int rows, T* sums) where TLanes : struct, IVectorLanes
        {
            int stride = Tiles.Channels;
            T* saved = Saved + channel, dy = Dy, dyTangent = DyTangent, x = X, tangent = Tangent, y = Y, dx = Dx, residual = Residual;
            Vector<T> sum = Vector<T>.Zero, product = Vector<T>.Zero, center = lanes.Load(saved),
                scale = lanes.Load(saved + (BatchNormRow.Scale * stride)), shift = lanes.Load(saved + (BatchNormRow.Shift * stride)),
                slope = lanes.Load(saved + (BatchNormRow.InverseDeviation * stride)) * lanes.Load(Weight + channel);
            for (; rows > 0; rows--, at += stride)
            {
                var d = lanes.Load(x + at) - center;
                var g = Masked<TMask, TLanes>(lanes, lanes.Load(dy + at), d, scale, shift, y + at);
                var h = Masked<TMask, TLanes>(lanes, lanes.Load(dyTangent + at), d, scale, shift, y + at);
                if (residual is not null)
                    lanes.Store(h, residual + at);
                if (dx is not null)
                    lanes.Store((h * scale) + (g * slope), dx + at);
                sum += h;
                product += (h * d) + (g * lanes.Load(tangent + at));
            }
            lanes.Store(lanes.Load(sums) + sum, sums);
            lanes.Store(lanes.Load(sums + stride) + product, sums + stride);
        }
    }
}
