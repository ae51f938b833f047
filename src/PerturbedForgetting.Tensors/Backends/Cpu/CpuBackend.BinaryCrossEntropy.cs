using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void BinaryCrossEntropy(Tensor logits, Tensor target, double smoothing, double factor, Tensor loss, Tensor? gradient) =>
        Reduce<BinaryRow>(logits, factor, loss, gradient, new(target, smoothing, factor, logits.Shape[1]));

    struct BinaryRow(Tensor target, double smoothing, double factor, int width) : IRowLoss<T>
    {
        readonly int* label = target.DType == DType.Int32 ? target.Pointer<int>() : null;
        readonly T* dense = target.DType == DType.Int32 ? null : target.Pointer<T>();
        readonly Vector<T> others = new(T.CreateTruncating(smoothing / width)), scale = new(T.CreateTruncating(factor));

        public readonly double Run(long sample, T* logits, T* gradient, int classes)
        {
            Vector<T> sum = default;
            T* targets = dense is null ? null : dense + sample * classes;
            int i = 0;
            for (; i <= classes - Vector<T>.Count; i += Vector<T>.Count)
            {
                sum += Elements(Vector.Load(logits + i), targets is null ? others : Vector.Load(targets + i), out var derivative);
                if (gradient is not null)
                    derivative.Store(gradient + i);
            }
            if (i < classes)
            {
                int rest = classes - i;
                var t = targets is null ? others : RowMath.LoadEnd(targets + i, rest, T.Zero);
                sum += RowMath.KeepFirst(Elements(RowMath.LoadEnd(logits + i, rest, T.Zero), t, out var derivative), rest);
                if (gradient is not null)
                    RowMath.StoreEnd(derivative, gradient + i, rest);
            }
            double value = double.CreateTruncating(Vector.Sum(sum));
            if (label is null)
                return value;
            // The loss is linear in the target: the label's differs from the others' by 1 - smoothing.
            int y = label[sample];
            if (gradient is not null)
                gradient[y] -= T.CreateTruncating((1 - smoothing) * factor);
            return value - (1 - smoothing) * double.CreateTruncating(logits[y]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly Vector<T> Elements(Vector<T> x, Vector<T> t, out Vector<T> derivative)
        {
            var e = VectorMath.Exp(-Vector.Abs(x));
            derivative = (VectorMath.Sigmoid(x, e) - t) * scale;
            var positive = Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), Vector<T>.Zero, x);
            return positive - x * t + VectorMath.Log1p(e);
        }
    }
}
