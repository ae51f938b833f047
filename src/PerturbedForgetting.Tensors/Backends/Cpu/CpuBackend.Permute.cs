namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe abstract partial class CpuBackend
{
    public override void Permute(Tensor x, ReadOnlySpan<int> axes, Tensor y)
    {
        if (y.Count == 0)
            return;
        switch (x.DType.Size())
        {
            case 8: Permute((ulong*)x.Address, x.Shape, axes, (ulong*)y.Address); break;
            case 4: Permute((uint*)x.Address, x.Shape, axes, (uint*)y.Address); break;
            default: Permute((byte*)x.Address, x.Shape, axes, (byte*)y.Address); break;
        }
    }

    /// <summary>
    /// Dimensions that stay together are taken as one. What then is innermost in both is copied in stretches; otherwise the
    /// innermost dimensions of source and target are transposed in tiles, so that both are read and written in whole cache lines.
    /// </summary>
    static void Permute<T>(T* x, Shape shape, ReadOnlySpan<int> axes, T* y) where T : unmanaged
    {
        var walk = new PermuteBody<T> { X = x, Y = y };
        long stride = 1;
        Span<long> strides = stackalloc long[Shape.MaxRank];
        for (int i = shape.Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }
        foreach (int axis in axes)
            walk.Append(shape[axis], strides[axis]);
        walk.Finish();
        ForRows(walk.Rows, walk.RowElements, walk);
    }

    /// <summary>The target's dimensions, outermost first, with the strides of the source and the target.</summary>
    struct PermuteBody<T> : IRowBody where T : unmanaged
    {
        const int Tile = 16;

        public T* X, Y;
        int rank;
        // Extents, source strides and target strides.
        fixed long extent[Shape.MaxRank], from[Shape.MaxRank], to[Shape.MaxRank];
        // The dimension that is contiguous in the source; the last one is contiguous in the target.
        int contiguous;

        public void Append(long count, long stride)
        {
            if (count == 1)
                return;
            if (rank > 0 && from[rank - 1] == stride * count)
            {
                extent[rank - 1] *= count;
                from[rank - 1] = stride;
                return;
            }
            extent[rank] = count;
            from[rank++] = stride;
        }

        public void Finish()
        {
            if (rank == 0)
                (rank, extent[0], from[0]) = (1, 1, 1);
            long stride = 1;
            for (int i = rank - 1; i >= 0; i--)
            {
                to[i] = stride;
                stride *= extent[i];
                if (from[i] == 1)
                    contiguous = i;
            }
        }

        /// <summary>Pieces of work: the product of all extents but those handled inside.</summary>
        public readonly long Rows
        {
            get
            {
                long rows = 1;
                for (int i = 0; i < rank - 1; i++)
                    rows *= i == contiguous ? (extent[i] + Tile - 1) / Tile : extent[i];
                return rows;
            }
        }

        public readonly long RowElements => extent[rank - 1] * (contiguous == rank - 1 ? 1 : Tile);

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                long rest = row, source = 0, target = 0, tile = 0;
                for (int i = rank - 2; i >= 0; i--)
                {
                    long count = i == contiguous ? (extent[i] + Tile - 1) / Tile : extent[i];
                    (rest, long index) = Math.DivRem(rest, count);
                    if (i == contiguous)
                        index = tile = index * Tile;
                    source += index * from[i];
                    target += index * to[i];
                }
                if (contiguous == rank - 1)
                    new Span<T>(X + source, (int)extent[rank - 1]).CopyTo(new Span<T>(Y + target, (int)extent[rank - 1]));
                else
                    Transpose(X + source, Y + target, Math.Min(Tile, extent[contiguous] - tile));
            }
        }

        readonly void Transpose(T* source, T* target, long columns)
        {
            long count = extent[rank - 1], step = from[rank - 1], row = to[contiguous];
            for (long i = 0; i < count; i++, source += step)
                for (long j = 0; j < columns; j++)
                    target[j * row + i] = source[j];
        }
    }
}
