using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void Linear(Tensor x, Tensor weight, Tensor? bias, Tensor y) =>
        Linear<BiasEpilogue<T>>(x, weight, y, new(PointerOrNull(bias)));

    public override void LinearBackwardWeight(Tensor dy, Tensor x, Tensor dweight, bool accumulateWeight, Tensor dbias, bool accumulateBias)
    {
        MatMul(dy, true, x, false, dweight, accumulateWeight);
        SumLeading(dy, dbias, accumulateBias);
    }

    public override void LinearGelu(Tensor x, Tensor weight, Tensor? bias, Tensor pre, Tensor y)
    {
        int outputs = weight.Shape[0];
        Linear<GeluEpilogue>(x, weight, y, new(PointerOrNull(bias), pre.Pointer<T>(), outputs));
    }

    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor c, bool accumulate)
    {
        int m = c.Shape[-2], n = c.Shape[-1], k = a.Shape[transposeA ? -2 : -1];
        int batch = (int)c.Shape.Product(0, c.Shape.Rank - 2);
        long strideA = a.Shape.Rank == 2 ? 0 : (long)m * k, strideB = b.Shape.Rank == 2 ? 0 : (long)k * n;
        if (c.Count > 0)
            Gemm.RunBatched(batch, transposeA, transposeB, m, n, k, a.Pointer<T>(), a.Shape[-1], strideA,
                b.Pointer<T>(), b.Shape[-1], strideB, c.Pointer<T>(), n, (long)m * n, accumulate);
    }

    static void Linear<TEpilogue>(Tensor x, Tensor weight, Tensor y, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue<T>
    {
        int outputs = weight.Shape[0], inputs = weight.Shape[1];
        if (y.Count > 0)
            Gemm.Run(false, true, checked((int)(y.Count / outputs)), outputs, inputs, x.Pointer<T>(), inputs,
                weight.Pointer<T>(), inputs, y.Pointer<T>(), outputs, false, epilogue);
    }

    /// <summary>Adds a bias unless it is null, keeps the sum in <paramref name="pre"/>, and leaves its gelu.</summary>
    readonly struct GeluEpilogue(T* bias, T* pre, int stride) : IEpilogue<T>
    {
        public void Apply(T* values, int row, int column, int count)
        {
            T* kept = pre + ((long)row * stride) + column;
            int i = 0;
            for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
                Apply(default(WholeVector), values + i, kept + i, column + i);
            if (i < count)
                Apply(new PartOfVector(count - i), values + i, kept + i, column + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Apply<TLanes>(TLanes lanes, T* values, T* kept, int column) where TLanes : struct, IVectorLanes
        {
            var value = lanes.Load(values);
            if (bias is not null)
                value += lanes.Load(bias + column);
            lanes.Store(value, kept);
            lanes.Store(new GeluKernel().Invoke(value), values);
        }
    }
}
