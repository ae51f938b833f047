using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void Sigmoid(Tensor x, Tensor y) => Map(x, y, new SigmoidKernel());

    public override void SigmoidBackward(Tensor dy, Tensor y, Tensor dx) => Map(dy, y, dx, new SigmoidBackwardKernel());

    readonly struct SigmoidKernel : IUnaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
            SigmoidOf(x, VectorMath.Exp(-Vector.Abs(x)));
    }

    readonly struct SigmoidBackwardKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> dy, Vector<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
            dy * y * (Vector<T>.One - y);
    }

    /// <summary>sigmoid(x) from e = exp(-|x|), which does not overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> SigmoidOf<T>(Vector<T> x, Vector<T> e) where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), e, Vector<T>.One) / (Vector<T>.One + e);
}
