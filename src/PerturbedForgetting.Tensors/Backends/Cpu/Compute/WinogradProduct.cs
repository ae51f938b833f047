using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>One convolution: its plan, and the stages.</summary>
unsafe struct WinogradProduct<T, TKernel, TSimd, TVector>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
{
    const int Points = WinogradTransforms<TSimd, TVector, T>.Points, Products = Winograd.Products, Side = Winograd.Side;

    // Channels whose products are summed before they are added to the sums of the channels before: what makes up for the transforms' error.
    const int Block = LineMajor32.Width;

    // What a task holds of its tiles before and after the products, in elements: three quarters of a level-2 cache of 1 MiB.
    const int CacheElements = 196_608;

    // So that a tile's transforms are not made for few columns of output.
    const int LeastPanels = 2;

    // Weights of a panel of outputs and so many channels.
    const int WeightChannels = 64;

    WinogradLayer<T> layer;
    WinogradTiles grid;
    int tiles, taskTiles, blocks, panels, taskPanels;
    T* transformed;
    T* zeros;

    public static void Run(in WinogradLayer<T> layer)
    {
        WinogradProduct<T, TKernel, TSimd, TVector> product = new() { layer = layer };
        product.Plan(WorkerPool.Threads);
        var weights = new WeightsBody { Product = product };
        WorkerPool.For(product.WeightTasks, ref weights);
        var tiles = new TilesBody { Product = product };
        WorkerPool.For(product.TileTasks * product.PanelTasks, ref tiles);
    }

    // A line of a cache between the values of one point and the next, so that the 36 do not fall on each other in the level-1 cache.
    static int Padding => 64 / sizeof(T);

    int TileTasks => GemmPlan.CeilDiv(tiles, taskTiles);

    int PanelTasks => GemmPlan.CeilDiv(panels, taskPanels);

    int WeightTasks => panels * GemmPlan.CeilDiv(layer.C, WeightChannels);

    /// <summary>Elements from the transformed weights of one point to those of the next.</summary>
    long WeightStep => ((long)panels * TKernel.Columns * layer.C) + Padding;

    void Plan(int threads)
    {
        grid = new(layer.N, layer.OH, layer.OW);
        tiles = grid.Count;
        panels = GemmPlan.CeilDiv(layer.O, TKernel.Columns);
        blocks = GemmPlan.CeilDiv(layer.C, Block);
        int most = Math.Max(2, CacheElements / (Products * (layer.C + (panels * TKernel.Columns))) / TKernel.Lines);
        // Enough of them for threads that are not of one speed.
        int wanted = GemmPlan.CeilDiv(GemmPlan.CeilDiv(tiles, TKernel.Lines), 4 * threads);
        taskTiles = Math.Clamp(wanted, 1, most) * TKernel.Lines;
        taskPanels = Math.Clamp(panels * TileTasks / (2 * threads), Math.Min(LeastPanels, panels), panels);
        transformed = Scratch.Get<T>(ScratchUse.SharedRight, (Products * WeightStep) + layer.C);
        zeros = transformed + (Products * WeightStep);
        Lanes.Clear(zeros, layer.C);
    }

    void TransformWeights(int index)
    {
        int panel = index % panels, first = index / panels * WeightChannels, end = Math.Min(layer.C, first + WeightChannels);
        int column = panel * TKernel.Columns, columns = Math.Min(TKernel.Columns, layer.O - column);
        T* target = transformed + ((long)column * layer.C);
        if (layer.IsTurned)
        {
            for (int c = first; c < end; c++)
            {
                for (int o = 0; o < columns; o += TSimd.Count)
                    TransformTaps(layer.Weights + ((long)c * 9 * layer.O) + column + o + (8L * layer.O), -layer.O,
                        target + ((long)c * TKernel.Columns) + o, WeightStep);
            }
            return;
        }
        int step = TKernel.Columns * TSimd.Count;
        T* taps = Scratch.Get<T>(ScratchUse.Gather, 9 * step);
        for (int c = first; c < end; c += TSimd.Count)
        {
            for (int tap = 0; tap < 9; tap++)
                Transposition.Run(layer.Weights + ((((long)column * 9) + tap) * layer.C) + c, 9L * layer.C, taps + (tap * step),
                    TKernel.Columns, columns, TSimd.Count);
            for (int k = 0; k < TSimd.Count; k++)
            {
                for (int o = 0; o < columns; o += TSimd.Count)
                    TransformTaps(taps + (k * TKernel.Columns) + o, step, target + ((long)(c + k) * TKernel.Columns) + o, WeightStep);
            }
        }
    }

    /// <summary>3x3 vectors of taps to 36.</summary>
    static void TransformTaps(T* taps, long tapStep, T* target, long pointStep)
    {
        T* buffer = stackalloc T[Points * 3 * TSimd.Count];
        for (int j = 0; j < 3; j++)
        {
            T* column = taps + (j * tapStep);
            WinogradTransforms<TSimd, TVector, T>.Taps3(
                TSimd.Load(column), TSimd.Load(column + (3 * tapStep)), TSimd.Load(column + (6 * tapStep)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            WinogradTransforms<TSimd, TVector, T>.Store(buffer + (j * TSimd.Count), 3 * TSimd.Count, u0, u1, u2, u3, u4, u5);
        }
        for (int i = 0; i < Points; i++, buffer += 3 * TSimd.Count, target += Points * pointStep)
        {
            WinogradTransforms<TSimd, TVector, T>.Taps3(
                TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), TSimd.Load(buffer + (2 * TSimd.Count)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            WinogradTransforms<TSimd, TVector, T>.Store(target, pointStep, u0, u1, u2, u3, u4, u5);
        }
    }

    void RunTiles(int index)
    {
        int tile = index / PanelTasks * taskTiles, count = Math.Min(taskTiles, tiles - tile);
        int panel = index % PanelTasks * taskPanels, width = Math.Min(taskPanels, panels - panel);
        int groups = GemmPlan.CeilDiv(count, TKernel.Lines), lines = groups * TKernel.Lines, size = TKernel.Lines * TKernel.Columns;
        long valueStep = ((long)blocks * lines * Block) + Padding, sumStep = ((long)width * groups * size) + Padding;
        T* values = Scratch.Get<T>(ScratchUse.LeftPanels, Products * valueStep), sums = Scratch.Get<T>(ScratchUse.RightPanels, Products * sumStep);
        for (int i = 0; i < count; i++)
            TransformInput(tile + i, values + ((long)i * Block), (long)lines * Block, valueStep);
        for (int p = 0; p < Products; p++)
        {
            for (int j = 0; j < width; j++)
                Multiply(values + (p * valueStep), transformed + (p * WeightStep), panel + j, count, sums + (p * sumStep) + ((long)j * groups * size));
        }
        for (int j = 0; j < width; j++)
        {
            int column = (panel + j) * TKernel.Columns;
            for (int i = 0; i < count; i++)
                TransformOutput(tile + i, sums + ((((long)j * groups) + (i / TKernel.Lines)) * size) + (i % TKernel.Lines * TKernel.Columns),
                    sumStep, column, Math.Min(TKernel.Columns, layer.O - column));
        }
    }

    /// <summary>The product of one point: of all lines with one panel.</summary>
    void Multiply(T* values, T* weights, int panel, int count, T* sums)
    {
        int column = panel * TKernel.Columns, columns = Math.Min(TKernel.Columns, layer.O - column);
        weights += (long)column * layer.C;
        for (int c = 0; c < layer.C; c += Block, weights += Block * TKernel.Columns)
        {
            int depth = Math.Min(Block, layer.C - c);
            T* sum = sums;
            for (int i = 0; i < count; i += TKernel.Lines, values += TKernel.Lines * Block, sum += TKernel.Lines * TKernel.Columns)
                TKernel.RunRuns<LineMajor32>(Math.Min(TKernel.Lines, count - i), columns, 1, depth, values, 0, weights, sum, add: c > 0);
        }
    }

    /// <summary>6x6 pixels of all channels, zeros around the image, to 36 lines.</summary>
    void TransformInput(int tile, T* target, long blockStep, long pointStep)
    {
        T** pixels = stackalloc T*[Points * Points];
        var (image, row, column) = grid.Place(tile);
        WinogradTiles.Pixels(layer.Image + ((long)image * layer.H * layer.W * layer.C), layer.H, layer.W, layer.C, row - layer.PadH,
            column - layer.PadW, Points, zeros, pixels);
        for (int c = 0; c < layer.C; c += TSimd.Count)
            WinogradTransforms<TSimd, TVector, T>.Pixels(pixels, c, target + (c / Block * blockStep) + (c % Block), pointStep);
    }

    /// <summary>36 values of some outputs to 4x4 pixels, those of them that the image has.</summary>
    void TransformOutput(int tile, T* sums, long pointStep, int column, int columns)
    {
        var (n, h, w) = grid.Place(tile);
        int rows = Math.Min(Side, layer.OH - h), pixels = Math.Min(Side, layer.OW - w);
        T* target = layer.Output + (((((long)n * layer.OH) + h) * layer.OW) + w) * layer.O + column;
        for (int o = 0; o < columns; o += TSimd.Count)
            TransformSums(sums + o, pointStep, layer.Bias == null ? zeros : layer.Bias + column + o, target + o, (long)layer.OW * layer.O,
                layer.O, rows, pixels, layer.Accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TransformSums(
        T* sums, long pointStep, T* bias, T* target, long rowStep, long pixelStep, int rows, int pixels, bool accumulate)
    {
        T* buffer = stackalloc T[Side * Points * TSimd.Count];
        for (int j = 0; j < Points; j++, sums += pointStep)
        {
            WinogradTransforms<TSimd, TVector, T>.Outputs4(
                TSimd.Load(sums), TSimd.Load(sums + (6 * pointStep)), TSimd.Load(sums + (12 * pointStep)), TSimd.Load(sums + (18 * pointStep)),
                TSimd.Load(sums + (24 * pointStep)), TSimd.Load(sums + (30 * pointStep)), out var y0, out var y1, out var y2, out var y3);
            T* place = buffer + (j * TSimd.Count);
            TSimd.Store(y0, place);
            TSimd.Store(y1, place + (Points * TSimd.Count));
            TSimd.Store(y2, place + (2 * Points * TSimd.Count));
            TSimd.Store(y3, place + (3 * Points * TSimd.Count));
        }
        TVector offset = TSimd.Load(bias);
        for (int i = 0; i < rows; i++, buffer += Points * TSimd.Count, target += rowStep)
        {
            WinogradTransforms<TSimd, TVector, T>.Outputs4(
                TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count), TSimd.Load(buffer + (2 * TSimd.Count)),
                TSimd.Load(buffer + (3 * TSimd.Count)), TSimd.Load(buffer + (4 * TSimd.Count)), TSimd.Load(buffer + (5 * TSimd.Count)),
                out var y0, out var y1, out var y2, out var y3);
            StorePixel(y0, offset, target, accumulate);
            if (pixels > 1)
                StorePixel(y1, offset, target + pixelStep, accumulate);
            if (pixels > 2)
                StorePixel(y2, offset, target + (2 * pixelStep), accumulate);
            if (pixels > 3)
                StorePixel(y3, offset, target + (3 * pixelStep), accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StorePixel(TVector value, TVector bias, T* target, bool accumulate)
    {
        value = TSimd.Add(value, bias);
        TSimd.Store(accumulate ? TSimd.Add(value, TSimd.Load(target)) : value, target);
    }

    struct WeightsBody : IParallelBody
    {
        public WinogradProduct<T, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.TransformWeights(index);
    }

    struct TilesBody : IParallelBody
    {
        public WinogradProduct<T, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.RunTiles(index);
    }
}
