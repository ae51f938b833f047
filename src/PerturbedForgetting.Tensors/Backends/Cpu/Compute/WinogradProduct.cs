using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>One convolution: its plan, and the stages.</summary>
unsafe struct WinogradProduct<T, TFilter, TKernel, TSimd, TVector>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFilter : struct, IWinogradFilter<TVector>
    where TKernel : struct, ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
{
    // Channels whose products are summed before they are added to the sums of the channels before: what makes up for the transforms' error.
    const int Block = LineMajor32.Width;

    // What a task holds of its tiles before and after the products, in elements: three quarters of a level-2 cache of 1 MiB.
    const int CacheElements = 196_608;

    // So that a tile's transforms are not made for few columns of output.
    const int LeastPanels = 2;

    // Outputs up to which the weights are transformed where they are used: each panel of them once, as there is one task a panel.
    const int FewOutputs = 768;

    WinogradLayer<T> layer;
    WinogradTiles grid;
    int tiles, taskTiles, blocks, panels, taskPanels;

    // Transformed weights where tiles are many; the input's values where they are few.
    T* shared;

    static int Points => WinogradTransforms<TFilter, TSimd, TVector, T>.Points;

    static int Products => WinogradTransforms<TFilter, TSimd, TVector, T>.Products;

    static int Side => TFilter.Side;

    bool IsFew => tiles * Side * Side <= FewOutputs;

    public static void Run(in WinogradLayer<T> layer)
    {
        WinogradProduct<T, TFilter, TKernel, TSimd, TVector> product = new() { layer = layer };
        product.Plan(WorkerPool.Threads);
        if (product.IsFew)
        {
            var inputs = new InputsBody { Product = product };
            WorkerPool.For(product.tiles, ref inputs);
            var columns = new PanelsBody { Product = product };
            WorkerPool.For(product.panels, ref columns);
        }
        else
        {
            var weights = new WeightsBody { Product = product };
            WorkerPool.For(product.panels * product.blocks, ref weights);
            var tiles = new TilesBody { Product = product };
            WorkerPool.For(product.TileTasks * product.PanelTasks, ref tiles);
        }
    }

    // A line of a cache between the values of one point and the next, so that they do not fall on each other in the level-1 cache.
    static int Padding => 64 / sizeof(T);

    static int TileSize => TKernel.Lines * TKernel.Columns;

    int TileTasks => GemmPlan.CeilDiv(tiles, taskTiles);

    int PanelTasks => GemmPlan.CeilDiv(panels, taskPanels);

    /// <summary>Elements from the transformed weights of one point to those of the next.</summary>
    long WeightStep => ((long)panels * TKernel.Columns * layer.C) + Padding;

    void Plan(int threads)
    {
        grid = new(Side, layer.N, layer.OH, layer.OW);
        tiles = grid.Count;
        panels = GemmPlan.CeilDiv(layer.O, TKernel.Columns);
        blocks = GemmPlan.CeilDiv(layer.C, Block);
        int most = Math.Max(2, CacheElements / (Products * (layer.C + (panels * TKernel.Columns))) / TKernel.Lines);
        // Enough of them for threads that are not of one speed.
        int wanted = GemmPlan.CeilDiv(tiles, TKernel.Lines) / (4 * threads);
        taskTiles = Math.Clamp(wanted, 1, most) * TKernel.Lines;
        taskPanels = Math.Clamp(panels * TileTasks / (2 * threads), Math.Min(LeastPanels, panels), panels);
        shared = Scratch.Get<T>(ScratchUse.SharedRight, Products * (IsFew ? ValueStep(tiles) : WeightStep));
    }

    /// <summary>Elements from the values of one point to those of the next, for so many tiles.</summary>
    long ValueStep(int count) => ((long)blocks * GemmPlan.CeilDiv(count, TKernel.Lines) * TKernel.Lines * Block) + Padding;

    /// <summary>Elements from the sums of one point to those of the next, for so many tiles and panels.</summary>
    static long SumStep(int count, int width) => ((long)width * GemmPlan.CeilDiv(count, TKernel.Lines) * TileSize) + Padding;

    int ColumnsOf(int panel) => Math.Min(TKernel.Columns, layer.O - (panel * TKernel.Columns));

    /// <summary>Some tiles with some panels of weights, which are transformed.</summary>
    void RunTiles(int index)
    {
        int tile = index / PanelTasks * taskTiles, count = Math.Min(taskTiles, tiles - tile);
        int panel = index % PanelTasks * taskPanels, width = Math.Min(taskPanels, panels - panel);
        long valueStep = ValueStep(count), sumStep = SumStep(count, width), panelStep = SumStep(count, 1) - Padding;
        WinogradRoom<T> room = new(Math.Max(layer.C, TKernel.Columns));
        T* values = Scratch.Get<T>(ScratchUse.LeftPanels, Products * valueStep),
            sums = Scratch.Get<T>(ScratchUse.RightPanels, Products * sumStep);
        for (int i = 0; i < count; i++)
            TransformInput(tile + i, room, values, i, count);
        for (int p = 0; p < Products; p++)
        {
            for (int j = 0; j < width; j++)
            {
                T* weights = shared + (p * WeightStep), sum = sums + (p * sumStep) + (j * panelStep);
                for (int block = 0; block < blocks; block++)
                    Multiply(values + (p * valueStep), block, count, weights + WeightsAt(panel + j, block), ColumnsOf(panel + j), sum);
            }
        }
        for (int j = 0; j < width; j++)
            TransformOutputs(tile, count, panel + j, room, sums + (j * panelStep), sumStep);
    }

    /// <summary>All tiles, whose values are there, with a panel of weights, which are transformed here, block by block in the level-2
    /// cache.</summary>
    void RunPanel(int panel)
    {
        long valueStep = ValueStep(tiles), sumStep = SumStep(tiles, 1), weightStep = (Block * TKernel.Columns) + Padding;
        WinogradRoom<T> room = new(TKernel.Columns);
        T* weights = Scratch.Get<T>(ScratchUse.LeftPanels, Products * weightStep),
            sums = Scratch.Get<T>(ScratchUse.RightPanels, Products * sumStep);
        for (int block = 0; block < blocks; block++)
        {
            TransformWeights(panel, block, room.Buffer, weights, weightStep);
            for (int p = 0; p < Products; p++)
                Multiply(shared + (p * valueStep), block, tiles, weights + (p * weightStep), ColumnsOf(panel), sums + (p * sumStep));
        }
        TransformOutputs(0, tiles, panel, room, sums, sumStep);
    }

    /// <summary>The product of one point of a block of channels: all lines with one panel.</summary>
    void Multiply(T* values, int block, int count, T* weights, int columns, T* sums)
    {
        int depth = Math.Min(Block, layer.C - (block * Block));
        values += (long)block * GemmPlan.CeilDiv(count, TKernel.Lines) * TKernel.Lines * Block;
        for (int i = 0; i < count; i += TKernel.Lines, values += TKernel.Lines * Block, sums += TileSize)
            TKernel.RunRuns<LineMajor32>(Math.Min(TKernel.Lines, count - i), columns, 1, depth, values, 0, weights, sums, add: block > 0);
    }

    void TransformSharedWeights(int index)
    {
        int panel = index % panels, block = index / panels;
        TransformWeights(panel, block, new WinogradRoom<T>(0).Buffer, shared + WeightsAt(panel, block), WeightStep);
    }

    long WeightsAt(int panel, int block) => (((long)panel * layer.C) + (block * Block)) * TKernel.Columns;

    /// <summary>Taps of a panel of outputs and a block of channels to the weights of all points.</summary>
    void TransformWeights(int panel, int block, T* buffer, T* target, long pointStep)
    {
        int column = panel * TKernel.Columns, columns = ColumnsOf(panel), first = block * Block, end = Math.Min(layer.C, first + Block);
        if (layer.IsTurned)
        {
            for (int c = first; c < end; c++, target += TKernel.Columns)
            {
                T* taps = layer.Weights + (((c * 9L) + 8) * layer.O) + column;
                PrefetchTaps(taps + (Block * 9L * layer.O), -layer.O, columns);
                for (int o = 0; o < columns; o += TSimd.Count)
                    WinogradTransforms<TFilter, TSimd, TVector, T>.Taps(taps + o, -layer.O, buffer, target + o, pointStep);
            }
            return;
        }
        int step = TKernel.Columns * TSimd.Count;
        T* turned = Scratch.Get<T>(ScratchUse.Gather, 9 * step);
        for (int c = first; c < end; c += TSimd.Count)
        {
            for (int tap = 0; tap < 9; tap++)
                Transposition.Run(layer.Weights + (((column * 9L) + tap) * layer.C) + c, 9L * layer.C, turned + (tap * step),
                    TKernel.Columns, columns, TSimd.Count);
            for (int k = 0; k < TSimd.Count; k++, target += TKernel.Columns)
            {
                for (int o = k; o < columns; o += TSimd.Count)
                    PrefetchTaps(layer.Weights + ((column + o) * 9L * layer.C) + c + Block, layer.C, 1);
                for (int o = 0; o < columns; o += TSimd.Count)
                    WinogradTransforms<TFilter, TSimd, TVector, T>.Taps(turned + (k * TKernel.Columns) + o, step, buffer, target + o,
                        pointStep);
            }
        }
    }

    /// <summary>Nine taps of so many channels, of the next block: they lie too far apart for a processor to foresee.</summary>
    static void PrefetchTaps(T* taps, long step, int channels)
    {
        for (int tap = 0; tap < 9; tap++, taps += step)
        {
            for (int c = 0; c < channels; c += 64 / sizeof(T))
                Lanes.Prefetch(taps + c);
        }
    }

    void TransformSharedInput(int tile) => TransformInput(tile, new WinogradRoom<T>(layer.C), shared, tile, tiles);

    /// <summary>A tile's pixels of all channels, zeros around the image, to a line for each point.</summary>
    void TransformInput(int tile, in WinogradRoom<T> room, T* values, int line, int lines)
    {
        var (image, row, column) = grid.Place(tile);
        WinogradTiles.Pixels(layer.Image + ((long)image * layer.H * layer.W * layer.C), layer.H, layer.W, layer.C, row - layer.PadH,
            column - layer.PadW, Points, room.Zeros, room.Pixels);
        long blockStep = (long)GemmPlan.CeilDiv(lines, TKernel.Lines) * TKernel.Lines * Block, pointStep = ValueStep(lines);
        for (int c = 0; c < layer.C; c += TSimd.Count)
            WinogradTransforms<TFilter, TSimd, TVector, T>.Pixels(room.Pixels, c, (long)Side * layer.C, room.Buffer,
                values + (c / Block * blockStep) + (line * Block) + (c % Block), pointStep);
    }

    /// <summary>Sums of a panel of outputs to pixels, of some tiles.</summary>
    void TransformOutputs(int tile, int count, int panel, in WinogradRoom<T> room, T* sums, long pointStep)
    {
        int column = panel * TKernel.Columns, columns = ColumnsOf(panel);
        for (int i = 0; i < count; i++, sums += TKernel.Columns)
        {
            var (n, h, w) = grid.Place(tile + i);
            int rows = Math.Min(Side, layer.OH - h), pixels = Math.Min(Side, layer.OW - w);
            T* target = layer.Output + (((((long)n * layer.OH) + h) * layer.OW) + w) * layer.O + column;
            for (int o = 0; o < columns; o += TSimd.Count)
                WinogradTransforms<TFilter, TSimd, TVector, T>.Outputs(sums + o, pointStep, room.Buffer,
                    layer.Bias == null ? room.Zeros : layer.Bias + column + o, target + o, (long)layer.OW * layer.O, layer.O, rows, pixels,
                    layer.Accumulate);
        }
    }

    struct WeightsBody : IParallelBody
    {
        public WinogradProduct<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.TransformSharedWeights(index);
    }

    struct InputsBody : IParallelBody
    {
        public WinogradProduct<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.TransformSharedInput(index);
    }

    struct PanelsBody : IParallelBody
    {
        public WinogradProduct<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.RunPanel(index);
    }

    struct TilesBody : IParallelBody
    {
        public WinogradProduct<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.RunTiles(index);
    }
}
