using System.Numerics;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Convolutions of 3x3 taps at a stride of 1 and their gradients with fewer multiplications: F(4x4, 3x3) or F(2x2, 3x3) of Lavin and Gray
/// (CVPR 2016) forward and for the input's gradient, F(3x3, 4x4) or F(3x3, 2x2) for the weights'. 36 or 16 values of each tile of 6x6 or
/// 4x4 pixels and channel, as many matrix products, and of their sums the result; what lies between stays in the level-2 cache.
/// </summary>
static unsafe class Winograd
{
    static readonly int Largest = LargestSide(EnvironmentVariables.Convolution.Value);

    /// <summary>The largest tiles that a value of the environment variable allows, by their outputs along one axis; 0: none. Tiles of 2
    /// round as the direct algorithm does; tiles of 4 save more multiplications, and round three times as much.</summary>
    /// <exception cref="EnvironmentVariableException">The value is not known.</exception>
    public static int LargestSide(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "winograd" => 4,
        "winograd2" => 2,
        "direct" => 0,
        _ => throw new EnvironmentVariableException(EnvironmentVariables.Convolution, value,
            "is not an algorithm. Use direct, winograd2 or winograd"),
    };

    /// <summary>The tiles in which a convolution and its gradients are done, by their outputs along one axis; 0: it is of another kind, or
    /// they do not pay. Nothing depends on the number of images, so that an image has the same result in every batch.</summary>
    public static int Side<T>(in Conv2dShape s) =>
        typeof(T) == typeof(float)
        && s is { KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, PadH: <= 2, PadW: <= 2 }
        && s.C % 16 == 0 && s.O % 16 == 0
            ? Best(s, Largest)
            : 0;

    // Multiply-adds for which the transforms of a value take as long: of the input's and output's, and of the weights'. Measured.
    const int ValueCost = 15, WeightCost = 40;

    // Images that the weights' transform is divided among: the usual batches have some times as many or as few.
    const int UsualBatch = 32;

    static int Best(in Conv2dShape s, int most)
    {
        double least = 0.9 * UsualBatch * s.OH * s.OW * 9 * s.C * s.O;
        int best = 0;
        for (int side = 2; side <= most; side += 2)
        {
            double cost = Cost(s, side);
            if (cost < least)
                (best, least) = (side, cost);
        }
        return best;
    }

    /// <summary>In multiply-adds of <see cref="UsualBatch"/> images.</summary>
    static double Cost(in Conv2dShape s, int side)
    {
        double tiles = UsualBatch * GemmPlan.CeilDiv(s.OH, side) * GemmPlan.CeilDiv(s.OW, side), weights = (double)s.C * s.O;
        return (side + 2) * (side + 2) * ((tiles * (weights + (ValueCost * (s.C + s.O)))) + (WeightCost * weights));
    }

    /// <summary>As <see cref="Convolution.Forward"/>.</summary>
    public static void Forward<T>(int side, in Conv2dShape s, T* x, T* w, T* bias, T* y, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> => SimdDispatch.Run<T, ProductWork<T>>(new(side, new()
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
        }));

    /// <summary>As <see cref="Convolution.BackwardInput"/>.</summary>
    public static void BackwardInput<T>(int side, in Conv2dShape s, T* dy, T* w, T* dx, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> => SimdDispatch.Run<T, ProductWork<T>>(new(side, new()
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
        }));

    /// <summary>As <see cref="Convolution.BackwardWeight"/>.</summary>
    public static void BackwardWeight<T>(int side, in Conv2dShape s, T* x, T* dy, T* dw, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        SimdDispatch.Run<T, WeightGradientWork<T>>(new(side, new()
        {
            Shape = s,
            Input = x,
            Gradient = dy,
            Taps = dw,
            Accumulate = accumulate,
        }));

    readonly struct ProductWork<T>(int side, WinogradLayer<T> layer) : ISimdWork<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run<TKernel, TSimd, TVector>()
            where TKernel : struct, ITileKernel<T>
            where TSimd : struct, ISimd<TVector, T>
            where TVector : struct
        {
            if (side == 2)
                WinogradProduct<T, WinogradFilter2<TSimd, TVector, T>, TKernel, TSimd, TVector>.Run(layer);
            else
                WinogradProduct<T, WinogradFilter4<TSimd, TVector, T>, TKernel, TSimd, TVector>.Run(layer);
        }
    }

    readonly struct WeightGradientWork<T>(int side, WinogradWeights<T> layer) : ISimdWork<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run<TKernel, TSimd, TVector>()
            where TKernel : struct, ITileKernel<T>
            where TSimd : struct, ISimd<TVector, T>
            where TVector : struct
        {
            if (side == 2)
                WinogradWeightGradient<T, WinogradFilter2<TSimd, TVector, T>, TKernel, TSimd, TVector>.Run(layer);
            else
                WinogradWeightGradient<T, WinogradFilter4<TSimd, TVector, T>, TKernel, TSimd, TVector>.Run(layer);
        }
    }
}
