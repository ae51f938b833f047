using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The gradient of 3x3 weights by F(3x3, 4x4): of each tile 6x6 pixels of the input and 4x4 of the output's gradient give 36 values a channel,
/// whose products are summed over the tiles before they are turned into 3x3 taps. A task has the sums of a block of both channels, for a
/// part of the tiles that depends on the shape alone.
/// </summary>
unsafe struct WinogradWeightGradient<T, TKernel, TSimd, TVector>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
{
    const int Points = WinogradTransforms<TSimd, TVector, T>.Points, Products = Winograd.Products, Side = Winograd.Side;

    // Channels of a block of the output's gradient, of one of the input, and tiles that are transformed at once: sums and values lie in
    // a level-2 cache.
    const int Block = DepthMajor64.Width, Chunk = 48;

    // Tasks there are at least, if tiles are enough, and tiles that a part has at least.
    const int Tasks = 16, LeastTiles = 4 * Chunk;

    Conv2dShape s;
    T* x, dy, dw;
    bool accumulate;
    int tilesH, tilesW, tiles, blocksO, blocksC, parts, partTiles;
    T* sums;

    public static void Run(in Conv2dShape s, T* x, T* dy, T* dw, bool accumulate)
    {
        WinogradWeightGradient<T, TKernel, TSimd, TVector> product = new() { s = s, x = x, dy = dy, dw = dw, accumulate = accumulate };
        product.Plan();
        var tasks = new TasksBody { Product = product };
        WorkerPool.For(product.blocksO * product.blocksC * product.parts, ref tasks);
        var taps = new TapsBody { Product = product };
        WorkerPool.For(product.blocksO * product.blocksC * (Block / Lines), ref taps);
    }

    // Lines of a block whose taps a task makes.
    const int Lines = 8;

    void Plan()
    {
        tilesH = GemmPlan.CeilDiv(s.OH, Side);
        tilesW = GemmPlan.CeilDiv(s.OW, Side);
        tiles = s.N * tilesH * tilesW;
        (blocksO, blocksC) = (GemmPlan.CeilDiv(s.O, Block), GemmPlan.CeilDiv(s.C, Block));
        parts = Math.Clamp(Math.Min(GemmPlan.CeilDiv(Tasks, blocksO * blocksC), tiles / LeastTiles), 1, Tasks);
        partTiles = GemmPlan.CeilDiv(GemmPlan.CeilDiv(tiles, parts), Chunk) * Chunk;
        parts = GemmPlan.CeilDiv(tiles, partTiles);
        sums = Scratch.Get<T>(ScratchUse.Partials, (long)blocksO * blocksC * parts * Products * Block * Block);
    }

    T* SumsOf(int block, int part) => sums + ((((long)part * blocksO * blocksC) + block) * Products * Block * Block);

    void RunTask(int index)
    {
        int block = index / parts, part = index % parts;
        int o = block / blocksC * Block, outputs = Math.Min(Block, s.O - o), c = block % blocksC * Block, inputs = Math.Min(Block, s.C - c);
        T* target = SumsOf(block, part);
        int first = part * partTiles, end = Math.Min(tiles, first + partTiles);
        int panels = GemmPlan.CeilDiv(inputs, TKernel.Columns);
        T* left = Scratch.Get<T>(ScratchUse.LeftPanels, ((long)Products * Chunk * Block) + TKernel.Lines);
        T* right = Scratch.Get<T>(ScratchUse.RightPanels, (long)Products * panels * Chunk * TKernel.Columns);
        T* zeros = Scratch.Get<T>(ScratchUse.Gather, Block);
        T* tile = Scratch.Get<T>(ScratchUse.Tile, TKernel.Lines * TKernel.Columns);
        Lanes.Clear(zeros, Block);
        for (int begin = first; begin < end; begin += Chunk)
        {
            int count = Math.Min(Chunk, end - begin);
            for (int i = 0; i < count; i++)
            {
                TransformGradient(begin + i, o, outputs, zeros, left + ((long)i * Block));
                TransformInput(begin + i, c, inputs, zeros, right + ((long)i * TKernel.Columns), (long)panels * Chunk * TKernel.Columns);
            }
            for (int p = 0; p < Products; p++)
            {
                T* a = left + ((long)p * Chunk * Block);
                for (int j = 0; j < inputs; j += TKernel.Columns)
                {
                    int columns = Math.Min(TKernel.Columns, inputs - j);
                    T* b = right + ((((long)p * panels) + (j / TKernel.Columns)) * Chunk * TKernel.Columns);
                    for (int i = 0; i < outputs; i += TKernel.Lines)
                    {
                        int lines = Math.Min(TKernel.Lines, outputs - i);
                        TKernel.RunRuns<DepthMajor64>(lines, columns, 1, count, a + i, 0, b, tile);
                        T* place = target + ((((long)p * Block) + i) * Block) + j;
                        if (begin == first)
                            Lanes.CopyRows(tile, TKernel.Columns, place, Block, columns, lines);
                        else
                            Lanes.AddRows(tile, TKernel.Columns, place, Block, columns, lines);
                    }
                }
            }
        }
    }

    /// <summary>4x4 pixels of the output's gradient, zeros beside the image, to 36 lines.</summary>
    void TransformGradient(int tile, int channel, int channels, T* zeros, T* target)
    {
        T** pixels = stackalloc T*[Side * Side];
        int n = tile / (tilesH * tilesW), h0 = tile / tilesW % tilesH * Side, w0 = tile % tilesW * Side;
        for (int i = 0; i < Side; i++)
        {
            for (int j = 0; j < Side; j++)
            {
                int h = h0 + i, w = w0 + j;
                pixels[(i * Side) + j] = h < s.OH && w < s.OW ? dy + ((((((long)n * s.OH) + h) * s.OW) + w) * s.O) + channel : zeros;
            }
        }
        for (int c = 0; c < channels; c += TSimd.Count)
            TransformTaps(pixels, c, target + c, (long)Chunk * Block);
    }

    /// <summary>6x6 pixels of the input, zeros beside the image, to 36 lines of panels.</summary>
    void TransformInput(int tile, int channel, int channels, T* zeros, T* target, long pointStep)
    {
        T** pixels = stackalloc T*[Points * Points];
        int n = tile / (tilesH * tilesW), h0 = (tile / tilesW % tilesH * Side) - s.PadH, w0 = (tile % tilesW * Side) - s.PadW;
        for (int i = 0; i < Points; i++)
        {
            for (int j = 0; j < Points; j++)
            {
                int h = h0 + i, w = w0 + j;
                pixels[(i * Points) + j] = (uint)h < (uint)s.H && (uint)w < (uint)s.W
                    ? x + ((((((long)n * s.H) + h) * s.W) + w) * s.C) + channel
                    : zeros;
            }
        }
        for (int c = 0; c < channels; c += TSimd.Count)
        {
            WinogradTransforms<TSimd, TVector, T>.Pixels(pixels, c,
                target + ((long)(c / TKernel.Columns) * Chunk * TKernel.Columns) + (c % TKernel.Columns), pointStep);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void TransformTaps(T** pixels, int channel, T* target, long pointStep)
    {
        T* buffer = stackalloc T[Points * Side * TSimd.Count];
        for (int j = 0; j < Side; j++)
        {
            WinogradTransforms<TSimd, TVector, T>.Taps4(TSimd.Load(pixels[j] + channel), TSimd.Load(pixels[4 + j] + channel),
                TSimd.Load(pixels[8 + j] + channel), TSimd.Load(pixels[12 + j] + channel),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            WinogradTransforms<TSimd, TVector, T>.Store(buffer + (j * TSimd.Count), Side * TSimd.Count, u0, u1, u2, u3, u4, u5);
        }
        for (int i = 0; i < Points; i++, buffer += Side * TSimd.Count, target += Points * pointStep)
        {
            WinogradTransforms<TSimd, TVector, T>.Taps4(TSimd.Load(buffer), TSimd.Load(buffer + TSimd.Count),
                TSimd.Load(buffer + (2 * TSimd.Count)), TSimd.Load(buffer + (3 * TSimd.Count)),
                out var u0, out var u1, out var u2, out var u3, out var u4, out var u5);
            WinogradTransforms<TSimd, TVector, T>.Store(target, pointStep, u0, u1, u2, u3, u4, u5);
        }
    }

    /// <summary>Sums of all parts, and of them 3x3 taps.</summary>
    void MakeTaps(int index)
    {
        int block = index / (Block / Lines), line = index % (Block / Lines) * Lines;
        int o = (block / blocksC * Block) + line, c = block % blocksC * Block, inputs = Math.Min(Block, s.C - c);
        T* buffer = stackalloc T[Points * 3 * TSimd.Count];
        for (int end = Math.Min(o + Lines, s.O); o < end; o++, line++)
        {
            for (int k = 0; k < inputs; k += TSimd.Count)
            {
                T* place = SumsOf(block, 0) + ((long)line * Block) + k;
                for (int j = 0; j < Points; j++)
                {
                    WinogradTransforms<TSimd, TVector, T>.Outputs3(Sum(place, j), Sum(place, 6 + j), Sum(place, 12 + j),
                        Sum(place, 18 + j), Sum(place, 24 + j), Sum(place, 30 + j), out var y0, out var y1, out var y2);
                    TSimd.Store(y0, buffer + (j * TSimd.Count));
                    TSimd.Store(y1, buffer + ((Points + j) * TSimd.Count));
                    TSimd.Store(y2, buffer + (((2 * Points) + j) * TSimd.Count));
                }
                for (int i = 0; i < 3; i++)
                {
                    T* row = buffer + (i * Points * TSimd.Count);
                    WinogradTransforms<TSimd, TVector, T>.Outputs3(TSimd.Load(row), TSimd.Load(row + TSimd.Count),
                        TSimd.Load(row + (2 * TSimd.Count)), TSimd.Load(row + (3 * TSimd.Count)), TSimd.Load(row + (4 * TSimd.Count)),
                        TSimd.Load(row + (5 * TSimd.Count)), out var y0, out var y1, out var y2);
                    T* taps = dw + ((((long)o * 9) + (i * 3)) * s.C) + c + k;
                    StoreTap(y0, taps);
                    StoreTap(y1, taps + s.C);
                    StoreTap(y2, taps + (2L * s.C));
                }
            }
        }
    }

    /// <summary>Of all parts.</summary>
    TVector Sum(T* values, int point)
    {
        values += (long)point * Block * Block;
        TVector sum = TSimd.Load(values);
        for (int part = 1; part < parts; part++)
            sum = TSimd.Add(sum, TSimd.Load(values + ((long)part * blocksO * blocksC * Products * Block * Block)));
        return sum;
    }

    void StoreTap(TVector value, T* target) => TSimd.Store(accumulate ? TSimd.Add(value, TSimd.Load(target)) : value, target);

    struct TasksBody : IParallelBody
    {
        public WinogradWeightGradient<T, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.RunTask(index);
    }

    struct TapsBody : IParallelBody
    {
        public WinogradWeightGradient<T, TKernel, TSimd, TVector> Product;

        public void Run(int index) => Product.MakeTaps(index);
    }
}
