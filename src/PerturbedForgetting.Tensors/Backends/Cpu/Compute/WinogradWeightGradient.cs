using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The gradient of 3x3 weights by F(3x3, 4x4) or F(3x3, 2x2): of each tile 6x6 pixels of the input and 4x4 of the output's gradient give 36
/// values a channel (or 4x4 and 2x2 give 16), whose products are summed over the tiles before they are turned into 3x3 taps. A task has the
/// sums of a block of both channels, for a part of the tiles that depends on the shape alone.
/// </summary>
unsafe struct WinogradWeightGradient<T, TFilter, TKernel, TSimd, TVector>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TFilter : struct, IWinogradFilter<TVector>
    where TKernel : struct, ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
{
    // Channels of a block of the output's gradient, and the most of one of the input.
    const int Block = DepthMajor64.Width;

    // Tasks there are at least, if tiles are enough, and chunks that a part has at least.
    const int Tasks = 16, LeastChunks = 4;

    // Lines of a block whose taps a task makes.
    const int Lines = 8;

    Conv2dShape s;
    WinogradTiles grid;
    T* x, dy, dw;
    bool accumulate;
    int tiles, blocksO, blocksC, widthC, parts, partTiles;

    // Sums of all blocks and parts, where there are several parts.
    T* partials;

    static int Points => WinogradTransforms<TFilter, TSimd, TVector, T>.Points;

    static int Products => WinogradTransforms<TFilter, TSimd, TVector, T>.Products;

    static int Side => TFilter.Side;

    /// <summary>Tiles that are transformed at once: their values and the sums lie in a level-2 cache.</summary>
    static int Chunk => Side == 2 ? 96 : 48;

    public static void Run(in WinogradWeights<T> layer)
    {
        WinogradWeightGradient<T, TFilter, TKernel, TSimd, TVector> product = new()
        {
            s = layer.Shape,
            x = layer.Input,
            dy = layer.Gradient,
            dw = layer.Taps,
            accumulate = layer.Accumulate,
        };
        product.Plan();
        var tasks = new TasksBody { Product = product };
        WorkerPool.For(product.blocksO * product.blocksC * product.parts, ref tasks);
        if (product.parts > 1)
        {
            var taps = new TapsBody { Product = product };
            WorkerPool.For(product.blocksO * product.blocksC * (Block / Lines), ref taps);
        }
    }

    /// <summary>Register tiles of a block along each axis.</summary>
    static int TilesDown => GemmPlan.CeilDiv(Block, TKernel.Lines);

    static int TilesAcross => GemmPlan.CeilDiv(Block, TKernel.Columns);

    static int TileSize => TKernel.Lines * TKernel.Columns;

    // A line of a cache more, so that the points do not fall on each other in the level-1 cache.
    static int SumStep => (TilesDown * TilesAcross * TileSize) + (64 / sizeof(T));

    void Plan()
    {
        grid = new(Side, s.N, s.OH, s.OW);
        tiles = grid.Count;
        (blocksO, blocksC, widthC) = (GemmPlan.CeilDiv(s.O, Block), GemmPlan.CeilDiv(s.C, Block), Block);
        parts = Math.Clamp(Math.Min(GemmPlan.CeilDiv(Tasks, blocksO * blocksC), tiles / (LeastChunks * Chunk)), 1, Tasks);
        partTiles = GemmPlan.CeilDiv(GemmPlan.CeilDiv(tiles, parts), Chunk) * Chunk;
        parts = GemmPlan.CeilDiv(tiles, partTiles);
        // Rather than that threads have nothing to do, several transform the same pixels of the output's gradient.
        if (blocksO * blocksC * parts < WorkerPool.Threads)
            (blocksC, widthC) = (GemmPlan.CeilDiv(s.C, TKernel.Columns), TKernel.Columns);
        if (parts > 1)
            partials = Scratch.Get<T>(ScratchUse.Partials, (long)blocksO * blocksC * parts * Products * SumStep);
    }

    T* SumsOf(int block, int part) => partials + ((((long)part * blocksO * blocksC) + block) * Products * SumStep);

    void RunTask(int index)
    {
        int block = index / parts, part = index % parts;
        int o = block / blocksC * Block, outputs = Math.Min(Block, s.O - o);
        int c = block % blocksC * widthC, inputs = Math.Min(widthC, s.C - c);
        int first = part * partTiles, end = Math.Min(tiles, first + partTiles), padding = 64 / sizeof(T);
        int leftStep = (Chunk * Block) + padding,
            rightStep = (GemmPlan.CeilDiv(inputs, TKernel.Columns) * Chunk * TKernel.Columns) + padding;
        T* left = Scratch.Get<T>(ScratchUse.LeftPanels, ((long)Products * leftStep) + TKernel.Lines);
        T* right = Scratch.Get<T>(ScratchUse.RightPanels, (long)Products * rightStep);
        T* sums = parts > 1 ? SumsOf(block, part) : Scratch.Get<T>(ScratchUse.Partials, Products * SumStep);
        WinogradRoom<T> room = new(Block);
        for (int begin = first; begin < end; begin += Chunk)
        {
            int count = Math.Min(Chunk, end - begin);
            for (int i = 0; i < count; i++)
            {
                TransformGradient(begin + i, o, outputs, room, left + (i * Block), leftStep);
                TransformInput(begin + i, c, inputs, room, right + (i * TKernel.Columns), rightStep);
            }
            T* target = sums;
            for (int p = 0; p < Products; p++, target += SumStep)
                Multiply(left + (p * leftStep), outputs, right + (p * rightStep), inputs, count, target, add: begin > first);
        }
        if (parts == 1)
        {
            for (int line = 0; line < outputs; line += Lines)
                MakeTaps(block, line, sums);
        }
    }

    /// <summary>The product of one point: a block of lines and columns, over some tiles.</summary>
    static void Multiply(T* left, int lines, T* right, int columns, int tiles, T* sums, bool add)
    {
        for (int j = 0; j < columns; j += TKernel.Columns, right += Chunk * TKernel.Columns)
        {
            T* sum = sums + (j / TKernel.Columns * TileSize);
            for (int i = 0; i < lines; i += TKernel.Lines, sum += TilesAcross * TileSize)
                TKernel.RunRuns<DepthMajor64>(Math.Min(TKernel.Lines, lines - i), Math.Min(TKernel.Columns, columns - j), 1, tiles,
                    left + i, 0,
                    right, sum, add);
        }
    }

    /// <summary>A tile's pixels of the output's gradient, zeros beside the image, to a line for each point.</summary>
    void TransformGradient(int tile, int channel, int channels, in WinogradRoom<T> room, T* target, int pointStep)
    {
        var (image, row, column) = grid.Place(tile);
        WinogradTiles.Pixels(dy + ((long)image * s.OH * s.OW * s.O) + channel, s.OH, s.OW, s.O, row, column, Side, room.Zeros, room.Pixels);
        for (int c = 0; c < channels; c += TSimd.Count)
            WinogradTransforms<TFilter, TSimd, TVector, T>.Gradients(room.Pixels, c, (long)Side * s.O, room.Buffer, target + c, pointStep);
    }

    /// <summary>Its pixels of the input, zeros beside the image, to a line of the panels for each point.</summary>
    void TransformInput(int tile, int channel, int channels, in WinogradRoom<T> room, T* target, int pointStep)
    {
        var (image, row, column) = grid.Place(tile);
        WinogradTiles.Pixels(x + ((long)image * s.H * s.W * s.C) + channel, s.H, s.W, s.C, row - s.PadH, column - s.PadW, Points,
            room.Zeros,
            room.Pixels);
        for (int c = 0; c < channels; c += TSimd.Count)
            WinogradTransforms<TFilter, TSimd, TVector, T>.Pixels(room.Pixels, c, (long)Side * s.C, room.Buffer,
                target + (c / TKernel.Columns * Chunk * TKernel.Columns) + (c % TKernel.Columns), pointStep);
    }

    /// <summary>Sums of all parts, and of them 3x3 taps.</summary>
    void MakeTaps(int block, int line, T* sums)
    {
        int o = (block / blocksC * Block) + line, c = block % blocksC * widthC, inputs = Math.Min(widthC, s.C - c);
        T* buffer = new WinogradRoom<T>(0).Buffer;
        for (int end = Math.Min(o + Lines, s.O); o < end; o++, line++)
        {
            for (int k = 0; k < inputs; k += TSimd.Count)
            {
                T* place = sums + (((line / TKernel.Lines * TilesAcross) + (k / TKernel.Columns)) * TileSize)
                    + (line % TKernel.Lines * TKernel.Columns) + (k % TKernel.Columns);
                if (parts > 1)
                    AddParts(place);
                T* taps = dw + ((long)o * 9 * s.C) + c + k;
                WinogradTransforms<TFilter, TSimd, TVector, T>.WeightGradients(place, SumStep, buffer, taps, s.C, accumulate);
            }
        }
    }

    /// <summary>Adds the sums of all parts to those of the first.</summary>
    void AddParts(T* sums)
    {
        long partStep = (long)blocksO * blocksC * Products * SumStep;
        for (int point = 0; point < Products; point++, sums += SumStep)
        {
            TVector sum = TSimd.Load(sums);
            for (int part = 1; part < parts; part++)
                sum = TSimd.Add(sum, TSimd.Load(sums + (part * partStep)));
            TSimd.Store(sum, sums);
        }
    }

    struct TasksBody : IParallelBody
    {
        public WinogradWeightGradient<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.RunTask(index);
    }

    struct TapsBody : IParallelBody
    {
        public WinogradWeightGradient<T, TFilter, TKernel, TSimd, TVector> Product;

        public void Run(int index) =>
            Product.MakeTaps(index / (Block / Lines), index % (Block / Lines) * Lines, Product.SumsOf(index / (Block / Lines), 0));
    }
}
