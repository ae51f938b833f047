using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The one matrix-product engine: packs blocks of both operands (which may be plain matrices or gathered from images),
/// runs register-tile kernels over them, and hands finished tiles to a sink. After "Anatomy of High-Performance Matrix
/// Multiplication" (Goto, van de Geijn 2008) and BLIS (Van Zee, van de Geijn 2015).
/// </summary>
static class GemmEngine
{
    /// <summary>C[m, n] = left[m, k] * right[n, k]^T, on all threads.</summary>
    public static void Run<T, TLeft, TRight, TSink>(int m, int n, int k, TLeft left, TRight right, TSink sink)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TLeft : struct, ILeftOperand<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T>
    {
        if (m == 0 || n == 0)
            return;
        SimdDispatch.Run<T, Work<T, TLeft, TRight, TSink>>(new(m, n, k, left, right, sink));
    }

    readonly struct Work<T, TLeft, TRight, TSink>(int m, int n, int k, TLeft left, TRight right, TSink sink) : ISimdWork<T>
        where T : unmanaged, IFloatingPointIeee754<T>
        where TLeft : struct, ILeftOperand<T>
        where TRight : struct, IRightOperand<T>
        where TSink : struct, ITileSink<T>
    {
        public void Run<TKernel, TSimd, TVector>()
            where TKernel : struct, ITileKernel<T>
            where TSimd : struct, ISimd<TVector, T>
            where TVector : struct => Product<T, TKernel, TLeft, TRight, TSink>.Run(m, n, k, left, right, sink);
    }
}

/// <summary>When to compute C^T = right * left^T instead.</summary>
static class GemmOrder
{
    /// <summary>
    /// With few rows, packing a right matrix that is contiguous in depth costs as much as the product; as the left
    /// matrix it is merely copied. Elements of C are the same bit for bit.
    /// </summary>
    public static bool Swap(int m, int n) => m <= 64 && n >= 2 * m;
}

/// <summary>One product: its operands, its plan, and the loops.</summary>
unsafe struct Product<T, TKernel, TLeft, TRight, TSink>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TLeft : struct, ILeftOperand<T>
    where TRight : struct, IRightOperand<T>
    where TSink : struct, ITileSink<T>
{
    int m, n, k;
    TLeft left;
    TRight right;
    TSink sink;
    GemmPlan plan;

    // First column of the slice in hand, its columns, its packed right matrix: one block of depth after the other.
    int slice, sliceColumns;
    T* packedRight;
    T* partials;

    public static void Run(int m, int n, int k, TLeft left, TRight right, TSink sink)
    {
        var product = new Product<T, TKernel, TLeft, TRight, TSink>
        {
            m = m,
            n = n,
            k = k,
            left = left,
            right = right,
            sink = sink,
            plan = GemmPlan.For(m, n, k, TKernel.Lines, TKernel.Columns, WorkerPool.Threads),
        };
        if (product.plan.OwnRight)
            product.RunOwn();
        else
            product.RunShared();
    }

    void RunOwn()
    {
        int splits = plan.Splits;
        if (splits > 1)
            partials = Scratch.Get<T>(ScratchUse.Partials, (long)splits * m * n);
        var body = new OwnBody { Product = this };
        WorkerPool.For(plan.Tasks(n), ref body);
        if (splits > 1)
        {
            var sums = new SumBody { Product = this };
            WorkerPool.For(GemmPlan.CeilDiv(m, plan.SumRows), ref sums);
        }
    }

    void RunShared()
    {
        for (slice = 0; slice < n; slice += plan.SliceColumns)
        {
            sliceColumns = Math.Min(plan.SliceColumns, n - slice);
            int panels = GemmPlan.CeilDiv(sliceColumns, TKernel.Columns);
            packedRight = Scratch.Get<T>(ScratchUse.SharedRight, (long)panels * TKernel.Columns * k);
            var pack = new PackBody { Product = this };
            WorkerPool.For(panels * Math.Max(1, Blocks(k)), ref pack);
            var tiles = new SharedBody { Product = this };
            WorkerPool.For(plan.Tasks(sliceColumns), ref tiles);
        }
    }

    static int Blocks(int depth) => GemmPlan.CeilDiv(depth, GemmBlocking.Depth);

    // Even blocks: 288 is 144 + 144, not 256 + 32. Always a multiple of 16, so that packed blocks stay aligned.
    static int BlockDepth(int depth) =>
        depth == 0 ? 1 : GemmPlan.CeilDiv(GemmPlan.CeilDiv(depth, Blocks(depth)), 16) * 16;

    // Depths of a matrix contiguous in lines that are packed for all panels at once: their lines of the cache, whose rest belongs to the
    // next panel, stay in a level-1 cache of 12 ways even where they all lie a power of two apart.
    const int DepthsAtOnce = 8;

    void PackLeftPanels(T* packed, int row, int rows, int depth0, int depth)
    {
        if (TLeft.LineMajor)
        {
            for (int i = 0; i < rows && depth > 0; i += TKernel.Lines, packed += TKernel.Lines * GemmBlocking.Depth)
                left.PackLeft(packed, row + i, Math.Min(TKernel.Lines, rows - i), depth0, depth, GemmBlocking.Depth);
            return;
        }
        for (int d = 0; d < depth; d += DepthsAtOnce, packed += DepthsAtOnce * TKernel.Lines)
        {
            T* panel = packed;
            for (int i = 0; i < rows; i += TKernel.Lines, panel += TKernel.Lines * GemmBlocking.Depth)
            {
                left.PackLeft(panel, row + i, Math.Min(TKernel.Lines, rows - i), depth0 + d, Math.Min(DepthsAtOnce, depth - d),
                    TKernel.Lines);
            }
        }
    }

    /// <summary>
    /// Rows and columns of a task, from one depth to another. The blocks of depth take turns at every panel of columns, so that all but the
    /// first find their part of C in the cache.
    /// </summary>
    void Multiply<TTarget>(ref TTarget target, in GemmTask task, int depth0, int depthEnd, in RightPanels packed)
        where TTarget : struct, ITileSink<T>
    {
        int leftSize = (GemmBlocking.Lines + TKernel.Lines) * GemmBlocking.Depth;
        T* packedLeft = Scratch.Get<T>(ScratchUse.LeftPanels, (long)GemmBlocking.BlocksTogether * leftSize), left = packedLeft;
        int block = BlockDepth(task.Depth), columnEnd = task.Column + task.Columns, d = depth0;
        do
        {
            PackLeftPanels(left, task.Row, task.Rows, d, Math.Min(block, depthEnd - d));
            left += leftSize;
            d += block;
        }
        while (d < depthEnd);
        for (int column = task.Column, nextColumn; column < columnEnd; column = nextColumn)
        {
            nextColumn = Math.Min(column + TKernel.Columns, columnEnd);
            left = packedLeft;
            d = depth0;
            do
            {
                int end = Math.Min(d + block, depthEnd);
                // What a task has packed itself lies in its level-2 cache already.
                T* next = plan.OwnRight ? null
                    : end < depthEnd ? packed.At(column, end, Math.Min(end + block, depthEnd))
                    : nextColumn < columnEnd ? packed.At(nextColumn, depth0, Math.Min(depth0 + block, depthEnd))
                    : null;
                Tiles(ref target, left, packed.At(column, d, end), next, end - d, task.Row, task.Rows, column, nextColumn - column,
                    d == task.Depth0, end == task.Depth0 + task.Depth);
                left += leftSize;
                d = end;
            }
            while (d < depthEnd);
        }
    }

    /// <summary>Tiles of rows by one panel of columns, for one block of depth; the next right panel is asked for meanwhile.</summary>
    static void Tiles<TTarget>(ref TTarget target, T* left, T* right, T* next, int depth, int row, int rows, int column, int columns,
        bool first, bool last)
        where TTarget : struct, ITileSink<T>
    {
        T* tile = Scratch.Get<T>(ScratchUse.Tile, TKernel.Lines * TKernel.Columns);
        int ahead = next == null ? 0 : GemmPlan.CeilDiv(depth * TKernel.Columns, GemmPlan.CeilDiv(rows, TKernel.Lines));
        for (int i = 0; i < rows; i += TKernel.Lines, left += TKernel.Lines * GemmBlocking.Depth, next += ahead)
        {
            int height = Math.Min(TKernel.Lines, rows - i);
            Lanes.PrefetchFar(next, ahead);
            bool isWhole = height == TKernel.Lines && columns == TKernel.Columns;
            if (isWhole && target.Place(row + i, column, first, out long step, out bool add) is var place && place != null)
            {
                TKernel.RunWhole(TLeft.LineMajor, depth, left, right, place, step, add);
                if (last)
                    target.Finish(place, row + i, height, column, columns);
            }
            else
            {
                TKernel.Run(TLeft.LineMajor, height, columns, depth, left, right, tile);
                target.Store(tile, TKernel.Columns, row + i, height, column, columns, first, last);
            }
        }
    }

    /// <summary>A packed right matrix: block of depth after block, in each of them panel of columns after panel.</summary>
    readonly struct RightPanels(T* packed, int firstColumn, int columns, int firstDepth)
    {
        readonly long width = (long)GemmPlan.CeilDiv(columns, TKernel.Columns) * TKernel.Columns;

        /// <summary>The panel at a column, of the block from <paramref name="depth0"/> to <paramref name="depthEnd"/>.</summary>
        public T* At(int column, int depth0, int depthEnd) =>
            packed + ((depth0 - firstDepth) * width) + ((long)(column - firstColumn) * (depthEnd - depth0));
    }

    readonly RightPanels Slice => new(packedRight, slice, sliceColumns, 0);

    void RunSharedTask(int index)
    {
        GemmTask task = plan.Task(index, sliceColumns);
        task = task with { Column = slice + task.Column };
        int step = GemmBlocking.BlocksTogether * BlockDepth(k), depth0 = 0;
        do
            Multiply(ref sink, task, depth0, Math.Min(depth0 + step, k), Slice);
        while ((depth0 += step) < k);
    }

    void PackShared(int index)
    {
        int blocks = Math.Max(1, Blocks(k)), block = BlockDepth(k);
        int column = index / blocks * TKernel.Columns, depth0 = index % blocks * block, depthEnd = Math.Min(depth0 + block, k);
        if (depth0 >= k)
            return;
        right.PackRight(Slice.At(slice + column, depth0, depthEnd), slice + column, Math.Min(TKernel.Columns, sliceColumns - column),
            depth0, depthEnd - depth0, TKernel.Columns);
    }

    void RunOwnTask(int index)
    {
        GemmTask task = plan.Task(index, n);
        if (plan.Splits == 1)
        {
            RunOwnRange(ref sink, task);
            return;
        }
        var partial = new MatrixSink<T, NoEpilogue<T>>(partials + ((long)task.Split * m * n), n, false, default);
        RunOwnRange(ref partial, task);
    }

    void RunOwnRange<TTarget>(ref TTarget target, in GemmTask task)
        where TTarget : struct, ITileSink<T>
    {
        int block = BlockDepth(task.Depth), depth0 = task.Depth0, end = depth0 + task.Depth;
        T* packedRight = Scratch.Get<T>(ScratchUse.RightPanels, (long)plan.TaskWidth * block);
        do
        {
            int depthEnd = Math.Min(depth0 + block, end);
            var packed = new RightPanels(packedRight, task.Column, task.Columns, depth0);
            for (int column = task.Column; column < task.Column + task.Columns; column += TKernel.Columns)
            {
                right.PackRight(packed.At(column, depth0, depthEnd), column, Math.Min(TKernel.Columns, task.Column + task.Columns - column),
                    depth0, depthEnd - depth0, TKernel.Columns);
            }
            for (int row = task.Row; row < task.Row + task.Rows; row += GemmBlocking.Lines)
            {
                int rows = Math.Min(GemmBlocking.Lines, task.Row + task.Rows - row);
                Multiply(ref target, task with { Row = row, Rows = rows }, depth0, depthEnd, packed);
            }
        }
        while ((depth0 += block) < end);
    }

    void SumPartials(int row, int rows)
    {
        long size = (long)m * n;
        for (; rows > 0; rows--, row++)
        {
            T* sum = partials + ((long)row * n);
            for (int split = 1; split < plan.Splits; split++)
                Lanes.Add(sum + (split * size), sum, n);
            sink.Store(sum, n, row, 1, 0, n, true, true);
        }
    }

    struct PackBody : IParallelBody
    {
        public Product<T, TKernel, TLeft, TRight, TSink> Product;

        public void Run(int index) => Product.PackShared(index);
    }

    struct SharedBody : IParallelBody
    {
        public Product<T, TKernel, TLeft, TRight, TSink> Product;

        public void Run(int index) => Product.RunSharedTask(index);
    }

    struct OwnBody : IParallelBody
    {
        public Product<T, TKernel, TLeft, TRight, TSink> Product;

        public void Run(int index) => Product.RunOwnTask(index);
    }

    struct SumBody : IParallelBody
    {
        public Product<T, TKernel, TLeft, TRight, TSink> Product;

        public void Run(int index)
        {
            int rows = Product.plan.SumRows;
            Product.SumPartials(index * rows, Math.Min(rows, Product.m - (index * rows)));
        }
    }
}
