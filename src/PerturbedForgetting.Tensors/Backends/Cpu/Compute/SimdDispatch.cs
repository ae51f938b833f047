using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Work that is compiled once for each set of instructions.</summary>
interface ISimdWork<T>
    where T : unmanaged
{
    /// <summary>Does it, with the register tiles and vectors of one set.</summary>
    void Run<TKernel, TSimd, TVector>()
        where TKernel : struct, ITileKernel<T>
        where TSimd : struct, ISimd<TVector, T>
        where TVector : struct;
}

/// <summary>Does work with the instructions of <see cref="SimdLevel"/>.</summary>
static class SimdDispatch
{
    public static void Run<T, TWork>(TWork work)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TWork : struct, ISimdWork<T>
    {
        switch (SimdLevel.Current)
        {
            case SimdKind.Avx512:
                work.Run<WideTile<Simd512<T>, Vector512<T>, T>, Simd512<T>, Vector512<T>>();
                break;
            case SimdKind.Avx2:
                work.Run<NarrowTile<Simd256<T>, Vector256<T>, T>, Simd256<T>, Vector256<T>>();
                break;
            default:
                // 32 registers, or 16.
                if (RuntimeInformation.ProcessArchitecture == Architecture.Arm64)
                    work.Run<WideTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>();
                else
                    work.Run<NarrowTile<Simd128<T>, Vector128<T>, T>, Simd128<T>, Vector128<T>>();
                break;
        }
    }
}
