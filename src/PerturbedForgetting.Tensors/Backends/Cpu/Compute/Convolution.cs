using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// 2-d convolution and its gradients as implicit matrix products: the engine packs windows straight from the images.
/// Activations N,H,W,C; weights O,KH,KW,C/Groups; float or double. Buffers must not overlap.
/// </summary>
static unsafe class Convolution
{
    /// <summary>y[n, oh, ow, o] = bias[o] + sum of x[n, oh * stride - pad + kh * dil, ..., c] * w[o, kh, kw, c].</summary>
    /// <param name="s">Sizes.</param>
    /// <param name="x">Input.</param>
    /// <param name="w">Weights.</param>
    /// <param name="bias">O values, or null.</param>
    /// <param name="y">Output, overwritten.</param>
    /// <param name="accumulate">Whether to add to the output instead.</param>
    public static void Forward<T>(in Conv2dShape s, T* x, T* w, T* bias, T* y, bool accumulate = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Winograd.Side<T>(s) is var side && side > 0)
        {
            Winograd.Forward(side, s, x, w, bias, y, accumulate);
            return;
        }
        int depth = s.KH * s.KW * s.GroupC;
        for (int g = 0; g < s.Groups; g++)
        {
            int output = g * s.GroupO;
            var weights = new DepthContiguous<T>(w + ((long)output * depth), depth);
            var epilogue = new BiasEpilogue<T>(bias == null ? null : bias + output);
            var sink = new MatrixSink<T, BiasEpilogue<T>>(y + output, s.O, accumulate, epilogue);
            if (s.IsPointwise)
            {
                Gemm.Run(false, true, s.OutputPixels, s.GroupO, depth, x + (g * s.GroupC), s.C,
                    w + ((long)output * depth), depth, y + output, s.O, accumulate, epilogue);
            }
            else if (s.Groups == 1 && SlidingWindows.Fits(WindowGrid<T>.Of(s, x, 0)))
            {
                SlidingWindows.Run(s.N, s.O, WindowGrid<T>.Of(s, x, 0), weights, sink);
            }
            else if (GemmOrder.Swap(s.OutputPixels, s.GroupO))
            {
                GemmEngine.Run<T, DepthContiguous<T>, WindowLines<T>, TransposedSink<T, BiasEpilogue<T>>>(
                    s.GroupO, s.OutputPixels, depth, weights, new(WindowGrid<T>.Of(s, x, g * s.GroupC)),
                    new(y + output, s.O, accumulate, epilogue));
            }
            else
            {
                GemmEngine.Run<T, WindowLines<T>, DepthContiguous<T>, MatrixSink<T, BiasEpilogue<T>>>(
                    s.OutputPixels, s.GroupO, depth, new(WindowGrid<T>.Of(s, x, g * s.GroupC)), weights, sink);
            }
        }
    }

    /// <summary>dx = the gradient of the input given <paramref name="dy"/>, that of the output; dx is overwritten, or with
    /// <paramref name="accumulate"/> added to, by a deep product block by block.</summary>
    /// <remarks>
    /// Input pixels fall into stride-by-stride classes that see different taps; each class is a dense convolution of dy
    /// with its own taps, so no multiplication by an inserted zero is done.
    /// </remarks>
    public static void BackwardInput<T>(in Conv2dShape s, T* dy, T* w, T* dx, bool accumulate = false)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Winograd.Side<T>(s) is var side && side > 0)
        {
            Winograd.BackwardInput(side, s, dy, w, dx, accumulate);
            return;
        }
        if (!accumulate && HasGaps(s))
            Clear(dx, (long)s.N * s.H * s.W * s.C);
        for (int g = 0; g < s.Groups; g++)
        {
            T* weights = w + ((long)g * s.GroupO * s.KH * s.KW * s.GroupC);
            T* gradient = dy + (g * s.GroupO), target = dx + (g * s.GroupC);
            if (s.IsPointwise)
            {
                GemmEngine.Run<T, DepthContiguous<T>, LineContiguous<T>, MatrixSink<T, NoEpilogue<T>>>(
                    s.OutputPixels, s.GroupC, s.GroupO, new(gradient, s.O), new(weights, s.GroupC),
                    new(target, s.C, accumulate, default));
                continue;
            }
            for (int h = 0; h < Math.Min(s.StrideH, s.H); h++)
            {
                for (int v = 0; v < Math.Min(s.StrideW, s.W); v++)
                    BackwardInputClass(s, gradient, weights, target, h, v, accumulate);
            }
        }
    }

    /// <summary>Whether some input pixels are seen by no tap.</summary>
    static bool HasGaps(in Conv2dShape s)
    {
        for (int h = 0; h < s.StrideH; h++)
        {
            if (TapClass.Of(h, s.KH, s.StrideH, s.PadH, s.DilH).Taps == 0)
                return true;
        }
        for (int v = 0; v < s.StrideW; v++)
        {
            if (TapClass.Of(v, s.KW, s.StrideW, s.PadW, s.DilW).Taps == 0)
                return true;
        }
        return false;
    }

    static void BackwardInputClass<T>(in Conv2dShape s, T* dy, T* w, T* dx, int h, int v, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        TapClass rows = TapClass.Of(h, s.KH, s.StrideH, s.PadH, s.DilH), columns = TapClass.Of(v, s.KW, s.StrideW, s.PadW, s.DilW);
        if (rows.Taps == 0 || columns.Taps == 0)
            return;
        var grid = new WindowGrid<T>
        {
            Image = dy,
            H = s.OH,
            W = s.OW,
            PixelStep = s.O,
            Channels = s.GroupO,
            GridH = GemmPlan.CeilDiv(s.H - h, s.StrideH),
            GridW = GemmPlan.CeilDiv(s.W - v, s.StrideW),
            OriginH = rows.Origin,
            OriginW = columns.Origin,
            StepH = 1,
            StepW = 1,
            TapStepH = rows.PixelStep,
            TapStepW = columns.PixelStep,
            TapsH = rows.Taps,
            TapsW = columns.Taps,
        };
        var taps = new BackwardTaps<T>
        {
            Weights = w,
            KH = s.KH,
            KW = s.KW,
            I = s.GroupC,
            O = s.GroupO,
            LastH = rows.Last,
            LastW = columns.Last,
            TapStepH = rows.TapStep,
            TapStepW = columns.TapStep,
            TapsW = columns.Taps,
        };
        int pixels = s.N * grid.GridH * grid.GridW;
        if (s.StrideH == 1 && s.StrideW == 1)
        {
            if (SlidingWindows.Fits(grid))
                SlidingWindows.Run(s.N, s.GroupC, grid, taps, new MatrixSink<T, NoEpilogue<T>>(dx, s.C, accumulate, default));
            else
                GemmEngine.Run<T, WindowLines<T>, BackwardTaps<T>, MatrixSink<T, NoEpilogue<T>>>(
                    pixels, s.GroupC, grid.Depth, new(grid), taps, new(dx, s.C, accumulate, default));
            return;
        }
        var sink = new PixelSink<T>
        {
            Image = dx,
            H = s.H,
            W = s.W,
            PixelStep = s.C,
            GridH = grid.GridH,
            GridW = grid.GridW,
            OriginH = h,
            OriginW = v,
            StepH = s.StrideH,
            StepW = s.StrideW,
            Accumulate = accumulate,
        };
        GemmEngine.Run<T, WindowLines<T>, BackwardTaps<T>, PixelSink<T>>(
            pixels, s.GroupC, grid.Depth, new(grid), taps, sink);
    }

    /// <summary>dw = (or +=) the gradient of the weights, O,KH,KW,C/Groups, given input and gradient of the output.</summary>
    public static void BackwardWeight<T>(in Conv2dShape s, T* x, T* dy, T* dw, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Winograd.Side<T>(s) is var side && side > 0)
        {
            Winograd.BackwardWeight(side, s, x, dy, dw, accumulate);
            return;
        }
        int depth = s.KH * s.KW * s.GroupC;
        for (int g = 0; g < s.Groups; g++)
        {
            var gradient = new LineContiguous<T>(dy + (g * s.GroupO), s.O);
            var sink = new MatrixSink<T, NoEpilogue<T>>(dw + ((long)g * s.GroupO * depth), depth, accumulate, default);
            if (s.IsPointwise)
            {
                GemmEngine.Run<T, LineContiguous<T>, LineContiguous<T>, MatrixSink<T, NoEpilogue<T>>>(
                    s.GroupO, depth, s.OutputPixels, gradient, new(x + (g * s.GroupC), s.C), sink);
            }
            else
            {
                GemmEngine.Run<T, LineContiguous<T>, WindowDepth<T>, MatrixSink<T, NoEpilogue<T>>>(
                    s.GroupO, depth, s.OutputPixels, gradient, new(WindowGrid<T>.Of(s, x, g * s.GroupC)), sink);
            }
        }
    }

    static void Clear<T>(T* values, long count)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var body = new ClearBody<T> { Values = values, Count = count };
        WorkerPool.For((int)((count + ClearBody<T>.Part - 1) / ClearBody<T>.Part), ref body);
    }

    struct ClearBody<T> : IParallelBody
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public const int Part = 1 << 16;

        public T* Values;
        public long Count;

        public readonly void Run(int index) =>
            Lanes.Clear(Values + ((long)index * Part), (int)Math.Min(Part, Count - ((long)index * Part)));
    }

    /// <summary>
    /// Along one axis: the kernel taps k with (p + pad - k * dil) divisible by the stride, for the input positions
    /// p = first, first + stride, ...; they read output positions i + Origin + j * PixelStep, tap Last - j * TapStep.
    /// </summary>
    readonly record struct TapClass(int Taps, int Last, int TapStep, int Origin, int PixelStep)
    {
        public static TapClass Of(int first, int kernel, int stride, int pad, int dilation)
        {
            int common = (int)BigInteger.GreatestCommonDivisor(stride, dilation), tapStep = stride / common;
            for (int k = Math.Min(kernel, tapStep) - 1; k >= 0; k--)
            {
                if ((first + pad - (k * dilation)) % stride != 0)
                    continue;
                int taps = GemmPlan.CeilDiv(kernel - k, tapStep), last = k + ((taps - 1) * tapStep);
                return new TapClass(taps, last, tapStep, (first + pad - (last * dilation)) / stride, dilation / common);
            }
            return new TapClass(0, 0, 1, 0, 1);
        }
    }
}
