using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void Gelu(Tensor x, Tensor y) => Map(x, y, new GeluKernel());

    public override void GeluBackward(Tensor dy, Tensor x, Tensor dx) => Map(dy, x, dx, new GeluBackwardKernel());

    readonly struct GeluKernel : IUnaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> => x * VectorMath.NormalCdf(x, out _);
    }

    readonly struct GeluBackwardKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> dy, Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>
        {
            var cdf = VectorMath.NormalCdf(x, out var density);
            var factor = new Vector<T>(T.CreateTruncating(0.3989422804014327));
            return dy * (x * factor * density + cdf);
        }
    }
}
