using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

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
            case 4: Permute((float*)x.Address, x.Shape, axes, (float*)y.Address); break;
            default: Permute((byte*)x.Address, x.Shape, axes, (byte*)y.Address); break;
        }
    }

    /// <summary>
    /// Dimensions that stay together are taken as one. What then is innermost in both is copied in stretches; otherwise the
    /// innermost dimensions of source and target are transposed in tiles, so that both are read and written in whole cache lines.
    /// </summary>
    static void Permute<T>(T* x, Shape shape, ReadOnlySpan<int> axes, T* y) where T : unmanaged, INumber<T>
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

    /// <summary>The target's dimensions, outermost first, with the strides of the source and the target; then what is moved at once is
    /// taken out of them: a stretch, or a tile of two dimensions, whose numbers are the last two loops.</summary>
    struct PermuteBody<T> : IRowBody where T : unmanaged, INumber<T>
    {
        // Columns of the source fill a cache line of floats; the lines of a tile lie in few enough pages for the address cache.
        const int TileColumns = 16, TileLines = 64;

        public T* X, Y;
        int rank;
        // Extents, source strides and target strides.
        fixed long extent[Shape.MaxRank], from[Shape.MaxRank], to[Shape.MaxRank];
        bool isTransposed;
        // Lines are contiguous in the target and lie a step apart in the source; columns the other way round.
        long lines, lineStep, columns, columnStep;

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
            int last = rank - 1, contiguous = last;
            for (int i = last; i >= 0; i--)
            {
                to[i] = stride;
                stride *= extent[i];
                if (from[i] == 1)
                    contiguous = i;
            }
            (lines, lineStep) = (extent[last], from[last]);
            isTransposed = contiguous != last;
            if (!isTransposed)
            {
                rank = last;
                return;
            }
            (columns, columnStep) = (extent[contiguous], to[contiguous]);
            for (int i = contiguous; i < last - 1; i++)
                (extent[i], from[i], to[i]) = (extent[i + 1], from[i + 1], to[i + 1]);
            // The last tile of a dimension takes what is left, so that none is narrow where the dimension is not.
            (extent[last - 1], from[last - 1], to[last - 1]) = (Math.Max(1, lines / TileLines), TileLines * lineStep, TileLines);
            (extent[last], from[last], to[last]) = (Math.Max(1, columns / TileColumns), TileColumns, TileColumns * columnStep);
        }

        /// <summary>Stretches or tiles.</summary>
        public readonly long Rows
        {
            get
            {
                long rows = 1;
                for (int i = 0; i < rank; i++)
                    rows *= extent[i];
                return rows;
            }
        }

        public readonly long RowElements => isTransposed ? Math.Min(lines, TileLines) * Math.Min(columns, TileColumns) : lines;

        public readonly void Run(long first, long end)
        {
            long* index = stackalloc long[Shape.MaxRank];
            long source = 0, target = 0, rest = first;
            for (int i = rank - 1; i >= 0; i--)
            {
                (rest, index[i]) = Math.DivRem(rest, extent[i]);
                source += index[i] * from[i];
                target += index[i] * to[i];
            }
            for (long row = first; row < end; row++)
            {
                if (isTransposed)
                    Transposition.Matrix(X + source, lineStep, Y + target, columnStep,
                        Extent(lines, index[rank - 2], TileLines), Extent(columns, index[rank - 1], TileColumns));
                else
                    Copy(X + source, Y + target);
                for (int i = rank - 1; i >= 0; i--)
                {
                    source += from[i];
                    target += to[i];
                    if (++index[i] < extent[i])
                        break;
                    source -= extent[i] * from[i];
                    target -= extent[i] * to[i];
                    index[i] = 0;
                }
            }
        }

        static int Extent(long all, long tile, int size) => (int)((tile + 2) * size > all ? all - (tile * size) : size);

        readonly void Copy(T* source, T* target)
        {
            if (lines < 128)
                Lanes.Copy(source, target, (int)lines);
            else
                Buffer.MemoryCopy(source, target, lines * sizeof(T), lines * sizeof(T));
        }
    }
}
