using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void CrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? gradient)
    {
        double factor = 1.0 / logits.Shape[0];
        Reduce<CrossEntropyRow>(logits, factor, loss, gradient, new(labels, smoothing, factor));
    }

    struct CrossEntropyRow(Tensor labels, double smoothing, double factor) : IRowLoss<T>
    {
        readonly int* label = labels.Pointer<int>();

        public readonly double Run(long sample, T* logits, T* gradient, int classes)
        {
            int y = label[sample];
            T max = RowMath.Max(logits, classes);
            T sum = gradient is null ? RowMath.ExpSum(logits, max, classes) : RowMath.ExpSum(logits, max, T.One, gradient, classes);
            // Everything is relative to the largest logit, so that large logits do not cost digits.
            double value = Math.Log(double.CreateTruncating(sum)) - (1 - smoothing) * double.CreateTruncating(logits[y] - max);
            if (smoothing > 0)
                value -= smoothing / classes * SumAbove(logits, max, classes);
            if (gradient is null)
                return value;
            Affine(gradient, T.CreateTruncating(factor / double.CreateTruncating(sum)), T.CreateTruncating(-smoothing / classes * factor),
                classes);
            gradient[y] -= T.CreateTruncating((1 - smoothing) * factor);
            return value;
        }

        static double SumAbove(T* x, T shift, int count)
        {
            Vector<T> sum = default, s = new(shift);
            int i = 0;
            for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
                sum += Vector.Load(x + i) - s;
            if (i < count)
                sum += RowMath.LoadEnd(x + i, count - i, shift) - s;
            return double.CreateTruncating(Vector.Sum(sum));
        }
    }

    /// <summary>x = x * factor + offset.</summary>
    static void Affine(T* x, T factor, T offset, int count)
    {
        Vector<T> f = new(factor), o = new(offset);
        int i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            RowMath.MultiplyAdd(Vector.Load(x + i), f, o).Store(x + i);
        for (; i < count; i++)
            x[i] = T.MultiplyAddEstimate(x[i], factor, offset);
    }
}
