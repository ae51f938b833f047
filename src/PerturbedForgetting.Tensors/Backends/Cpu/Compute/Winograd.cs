using System.Numerics;
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
