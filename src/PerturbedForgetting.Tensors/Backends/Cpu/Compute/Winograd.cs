using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Convolutions of 3x3 taps at a stride of 1, and their input gradients, with a quarter of the multiplications: F(4x4, 3x3) of Lavin and Gray
/// (CVPR 2016). A task takes some tiles of 6x6 pixels through all three stages, so that what lies between them stays in the level-2 cache:
/// 36 values of each tile and channel, 36 matrix products with the transformed weights, 4x4 pixels of output.
/// </summary>
static unsafe class Winograd
{
    /// <summary>Pixels of a tile's output along one axis.</summary>
    public const int Side = 4;

    /// <summary>Products of a tile and a pair of channels.</summary>
    public const int Products = 36;

    /// <summary>Whether a convolution is of the kind, and large enough to pay.</summary>
    public static bool Fits<T>(in Conv2dShape s) => IsOn && typeof(T) == typeof(float)
        && s is { KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, PadH: <= 2, PadW: <= 2 }
        && s.C % 16 == 0 && s.O % 16 == 0 && Pays(s);

    /// <summary>Multiply-adds that the transforms of a value cost: of an input's or output's, and of a weight's, more where they do not fit
    /// into a cache.</summary>
    const double ValueCost = 22, WeightCost = 25, WeightCostOfMegabyte = 2;

    /// <summary>By what was measured, with some reserve.</summary>
    static bool Pays(in Conv2dShape s)
    {
        double tiles = (double)s.N * GemmPlan.CeilDiv(s.OH, Side) * GemmPlan.CeilDiv(s.OW, Side), weights = (double)s.C * s.O;
        double weightCost = WeightCost + (WeightCostOfMegabyte * 4e-6 * Products * weights);
        return Products * ((tiles * (weights + (ValueCost * (s.C + s.O)))) + (weightCost * weights)) < 0.85 * s.MultiplyAdds;
    }

    public static readonly int Mask = int.Parse(Environment.GetEnvironmentVariable("PF_W") ?? "7");

    static readonly bool IsOn = Environment.GetEnvironmentVariable("PERTURBED_FORGETTING_CONVOLUTION") != "direct";

    /// <summary>As <see cref="Convolution.Forward"/>.</summary>
    public static void Forward<T>(in Conv2dShape s, T* x, T* w, T* bias, T* y, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> => Run(new WinogradLayer<T>
        {
            Image = x,
            N = s.N,
            H = s.H,
            W = s.W,
            C = s.C,
            PadH = s.PadH,
            PadW = s.PadW,
            Weights = w,
            Output = y,
            OH = s.OH,
            OW = s.OW,
            O = s.O,
            Bias = bias,
            Accumulate = accumulate,
        });

    /// <summary>As <see cref="Convolution.BackwardInput"/>.</summary>
    public static void BackwardInput<T>(in Conv2dShape s, T* dy, T* w, T* dx, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> => Run(new WinogradLayer<T>
        {
            Image = dy,
            N = s.N,
            H = s.OH,
            W = s.OW,
            C = s.O,
            PadH = 2 - s.PadH,
            PadW = 2 - s.PadW,
            Weights = w,
            IsTurned = true,
            Output = dx,
            OH = s.H,
            OW = s.W,
            O = s.C,
            Accumulate = accumulate,
        });

    /// <summary>As <see cref="Convolution.BackwardWeight"/>.</summary>
    public static void BackwardWeight<T>(in Conv2dShape s, T* x, T* dy, T* dw, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (SimdLevel.Current)
        {
            case SimdKind.Avx512:
                WinogradWeightGradient<T, WideTile<Simd512<T>, Vector512<T>, T>, Simd512<T>, Vector512<T>>.Run(s, x, dy, dw, accumulate);
                break;
            case SimdKind.Avx2:
                WinogradWeightGradient<T, NarrowTile<Simd256<T>, Vector256<T>, T>, Simd256<T>, Vector256<T>>.Run(s, x, dy, dw, accumulate);
                break;
            default:
                if (RuntimeInformation.ProcessArchitecture == Architecture.Arm64)
                    WinogradWeightGradient<T, WideTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>.Run(s, x, dy, dw, accumulate);
                else
                    WinogradWeightGradient<T, NarrowTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>.Run(s, x, dy, dw, accumulate);
                break;
        }
    }

    static void Run<T>(in WinogradLayer<T> layer)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (SimdLevel.Current)
        {
            case SimdKind.Avx512:
                WinogradProduct<T, WideTile<Simd512<T>, Vector512<T>, T>, Simd512<T>, Vector512<T>>.Run(layer);
                break;
            case SimdKind.Avx2:
                WinogradProduct<T, NarrowTile<Simd256<T>, Vector256<T>, T>, Simd256<T>, Vector256<T>>.Run(layer);
                break;
            default:
                if (RuntimeInformation.ProcessArchitecture == Architecture.Arm64)
                    WinogradProduct<T, WideTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>.Run(layer);
                else
                    WinogradProduct<T, NarrowTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>.Run(layer);
                break;
        }
    }
}

/// <summary>What is convolved: y[n, oh, ow, o] = bias[o] + the sum of x[n, oh - PadH + kh, ow - PadW + kw, c] times a tap of c and o.</summary>
unsafe struct WinogradLayer<T>
    where T : unmanaged
{
    public T* Image, Weights, Output, Bias;
    public int N, H, W, C, PadH, PadW, OH, OW, O;

    /// <summary>Weights are C,3,3,O with their taps from the last to the first, as an input gradient takes them; else O,3,3,C.</summary>
    public bool IsTurned;

    /// <summary>Whether to add to the output.</summary>
    public bool Accumulate;
}

/// <summary>One convolution: its plan, and the stages.</summary>
unsafe struct WinogradProduct<T, TKernel, TSimd, TVector>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, ITileKernel<T>
    where TSimd : struct, ISimd<TVector, T>
    where TVector : struct
{
    const int Points = WinogradTransforms<TSimd, TVector, T>.Points, Products = Winograd.Products, Side = Winograd.Side;

    // What a task holds of its tiles before and after the products, in elements: three quarters of a level-2 cache of 1 MiB.
    const int CacheElements = 196_608;

    // So that a tile's transforms are not made for few columns of output.
    const int LeastPanels = 2;

    WinogradLayer<T> layer;
    int tilesH, tilesW, tiles, taskTiles, runs, depth, panels, taskPanels;
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

    int TileTasks => GemmPlan.CeilDiv(tiles, taskTiles);

    int PanelTasks => GemmPlan.CeilDiv(panels, taskPanels);

    /// <summary>Elements from the transformed weights of one point to those of the next.</summary>
    long WeightStep => (long)panels * TKernel.Columns * layer.C;

    void Plan(int threads)
    {
        tilesH = GemmPlan.CeilDiv(layer.OH, Side);
        tilesW = GemmPlan.CeilDiv(layer.OW, Side);
        tiles = layer.N * tilesH * tilesW;
        panels = GemmPlan.CeilDiv(layer.O, TKernel.Columns);
        for (runs = GemmPlan.CeilDiv(layer.C, GemmBlocking.Depth); layer.C % runs != 0;)
            runs++;
        depth = layer.C / runs;
        int most = Math.Max(2, CacheElements / (Products * (layer.C + (panels * TKernel.Columns))) / TKernel.Lines);
        // Enough of them for threads that are not of one speed.
        int wanted = GemmPlan.CeilDiv(GemmPlan.CeilDiv(tiles, TKernel.Lines), 4 * threads);
        taskTiles = Math.Clamp(wanted, 1, most) * TKernel.Lines;
        taskPanels = Math.Clamp(panels * TileTasks / (2 * threads), Math.Min(LeastPanels, panels), panels);
        transformed = Scratch.Get<T>(ScratchUse.SharedRight, (Products * WeightStep) + layer.C);
        zeros = transformed + (Products * WeightStep);
        Lanes.Clear(zeros, layer.C);
    }

    // Weights of a panel of outputs and so many channels.
    const int WeightChannels = 64;

    int WeightTasks => panels * GemmPlan.CeilDiv(layer.C, WeightChannels);

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
        T* lines = Scratch.Get<T>(ScratchUse.Gather, Products * step);
        for (int c = first; c < end; c += TSimd.Count)
        {
            for (int o = 0; o < columns; o++)
                TransformTaps(layer.Weights + ((long)(column + o) * 9 * layer.C) + c, layer.C, lines + (o * TSimd.Count), step);
            for (int p = 0; p < Products; p++)
                Transposition.Run(lines + (p * step), TSimd.Count, target + (p * WeightStep) + ((long)c * TKernel.Columns),
                    TKernel.Columns, columns, TSimd.Count);
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
        T* values = Scratch.Get<T>(ScratchUse.LeftPanels, (long)Products * runs * lines * GemmBlocking.Depth);
        T* sums = Scratch.Get<T>(ScratchUse.RightPanels, (long)Products * width * groups * size);
        for (int i = 0; i < count; i++)
            TransformInput(tile + i, values + ((long)i * GemmBlocking.Depth), lines);
        T* sum = sums;
        for (int p = 0; p < Products; p++, values += (long)runs * lines * GemmBlocking.Depth)
        {
            for (int j = 0; j < width; j++)
            {
                T* right = transformed + (p * WeightStep) + ((long)(panel + j) * TKernel.Columns * layer.C);
                int columns = Math.Min(TKernel.Columns, layer.O - ((panel + j) * TKernel.Columns));
                for (int i = 0; i < groups; i++, sum += size)
                    TKernel.RunRuns<LineMajor>(Math.Min(TKernel.Lines, count - (i * TKernel.Lines)), columns, runs, depth,
                        values + ((long)i * TKernel.Lines * GemmBlocking.Depth), (long)lines * GemmBlocking.Depth, right, sum);
            }
        }
        for (int j = 0; j < width; j++)
        {
            int column = (panel + j) * TKernel.Columns;
            for (int i = 0; i < count; i++)
                TransformOutput(tile + i, sums + ((((long)j * groups) + (i / TKernel.Lines)) * size) + (i % TKernel.Lines * TKernel.Columns),
                    (long)width * groups * size, column, Math.Min(TKernel.Columns, layer.O - column));
        }
    }

    /// <summary>6x6 pixels of all channels, zeros around the image, to 36 lines.</summary>
    void TransformInput(int tile, T* target, int lines)
    {
        T** pixels = stackalloc T*[Points * Points];
        int n = tile / (tilesH * tilesW), h0 = (tile / tilesW % tilesH * Side) - layer.PadH, w0 = (tile % tilesW * Side) - layer.PadW;
        for (int i = 0; i < Points; i++)
        {
            for (int j = 0; j < Points; j++)
            {
                int h = h0 + i, w = w0 + j;
                pixels[(i * Points) + j] = (uint)h < (uint)layer.H && (uint)w < (uint)layer.W
                    ? layer.Image + (((((long)n * layer.H) + h) * layer.W) + w) * layer.C
                    : zeros;
            }
        }
        long runStep = (long)lines * GemmBlocking.Depth;
        for (int run = 0; run < runs; run++)
        {
            for (int c = 0; c < depth; c += TSimd.Count)
                WinogradTransforms<TSimd, TVector, T>.Pixels(pixels, (run * depth) + c, target + (run * runStep) + c, runs * runStep);
        }
    }

    /// <summary>36 values of some outputs to 4x4 pixels, those of them that the image has.</summary>
    void TransformOutput(int tile, T* sums, long pointStep, int column, int columns)
    {
        int n = tile / (tilesH * tilesW), h0 = tile / tilesW % tilesH * Side, w0 = tile % tilesW * Side;
        int rows = Math.Min(Side, layer.OH - h0), pixels = Math.Min(Side, layer.OW - w0);
        T* target = layer.Output + (((((long)n * layer.OH) + h0) * layer.OW) + w0) * layer.O + column;
        T* bias = layer.Bias == null ? zeros : layer.Bias + column;
        for (int o = 0; o < columns; o += TSimd.Count)
            TransformSums(sums + o, pointStep, layer.Bias == null ? zeros : bias + o, target + o, (long)layer.OW * layer.O, layer.O, rows,
                pixels, layer.Accumulate);
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
