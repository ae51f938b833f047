using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// Convolutions of 3x3 taps at a stride of 1 and their gradients with a quarter of the multiplications: F(4x4, 3x3) of Lavin and Gray
/// (CVPR 2016) forward and for the input's gradient, F(3x3, 4x4) for the weights'. 36 values of each tile of 6x6 pixels and channel, 36
/// matrix products, and of their sums the result; what lies between stays in the level-2 cache.
/// </summary>
static unsafe class Winograd
{
    /// <summary>Pixels of a tile's output along one axis.</summary>
    public const int Side = 4;

    /// <summary>Products of a tile and a pair of channels.</summary>
    public const int Products = 36;

    /// <summary>Whether a pass of a convolution is done so: it is of the kind, and pays. Nothing depends on the number of images, so that
    /// an image has the same result in every batch.</summary>
    public static bool Fits<T>(in Conv2dShape s, WinogradPasses pass) => (Passes & pass) != 0 && typeof(T) == typeof(float)
        && s is { KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, PadH: <= 2, PadW: <= 2 }
        && s.C % 16 == 0 && s.O % 16 == 0 && Pays(s);

    // Multiply-adds for which the transforms of a value take as long: of the input's and output's, and of the weights'. Measured.
    const int ValueCost = 15, WeightCost = 15;

    // Images that the weights' transform is divided among: the usual batches have some times as many or as few.
    const int UsualBatch = 32;

    static bool Pays(in Conv2dShape s)
    {
        double tiles = UsualBatch * GemmPlan.CeilDiv(s.OH, Side) * GemmPlan.CeilDiv(s.OW, Side), weights = (double)s.C * s.O;
        double cost = Products * ((tiles * (weights + (ValueCost * (s.C + s.O)))) + (WeightCost * weights));
        return cost < 0.9 * UsualBatch * s.OH * s.OW * 9 * weights;
    }

    static readonly WinogradPasses Passes = PassesOf(EnvironmentVariables.Convolution.Value);

    /// <summary>The passes that a value of the environment variable asks for.</summary>
    /// <exception cref="EnvironmentVariableException">The value is not known.</exception>
    internal static WinogradPasses PassesOf(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" => WinogradPasses.InputGradient,
        "direct" => WinogradPasses.None,
        "winograd" => WinogradPasses.Forward | WinogradPasses.InputGradient | WinogradPasses.WeightGradient,
        _ => throw new EnvironmentVariableException(EnvironmentVariables.Convolution, value, "is not an algorithm. Use direct or winograd"),
    };

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
                    WinogradWeightGradient<T, WideTile<Simd128<T>, Vector128<T>, T>, Simd128<T>,
                        Vector128<T>>.Run(s, x, dy, dw, accumulate);
                else
                    WinogradWeightGradient<T, NarrowTile<Simd128<T>, Vector128<T>, T>, Simd128<T>,
                        Vector128<T>>.Run(s, x, dy, dw, accumulate);
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
