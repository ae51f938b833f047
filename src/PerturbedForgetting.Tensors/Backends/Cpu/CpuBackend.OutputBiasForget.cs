using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void OutputBiasForget(Tensor logits, Tensor labels, double c, double gamma, bool sigmoid, Tensor loss, Tensor? gradient)
    {
        double factor = 1.0 / logits.Shape[0];
        Reduce<OutputBiasForgetRow>(logits, factor, loss, gradient, new(labels, c, gamma, sigmoid, factor));
    }

    struct OutputBiasForgetRow(Tensor labels, double c, double gamma, bool sigmoid, double factor) : IRowLoss<T>
    {
        readonly int* label = labels.Pointer<int>();

        public readonly double Run(long sample, T* logits, T* gradient, int classes)
        {
            int y = label[sample];
            double x = double.CreateTruncating(logits[y]);
            T max = sigmoid ? T.Zero : RowMath.Max(logits, classes);
            var (sum, weightedSum, weights) = Sums(logits, max, gradient, classes);
            double probability = sigmoid ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x - double.CreateTruncating(max)) / weights;
            double alpha = c < 0 ? gamma : gamma * (c - 1 / Math.Max(probability, 1 / c)) / (c - 1);
            // Weights are the probabilities, or what softmax has yet to divide by their sum.
            double scale = sigmoid ? alpha : alpha / weights;
            if (gradient is not null)
            {
                Affine(gradient, T.CreateTruncating(-scale * factor), T.CreateTruncating(factor / classes), classes);
                gradient[y] -= T.CreateTruncating((1 - alpha) * factor);
            }
            return sum / classes - scale * weightedSum - (1 - alpha) * x;
        }

        /// <summary>Sums of the logits, of weight times logit, and of the weights; the weights go where the gradient will be.</summary>
        readonly (double Logits, double Weighted, double Weights) Sums(T* logits, T max, T* weights, int count)
        {
            Vector<T> sum = default, weighted = default, total = default, shift = new(max);
            int i = 0;
            for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            {
                var x = Vector.Load(logits + i);
                var w = Weight(x, shift);
                if (weights is not null)
                    w.Store(weights + i);
                sum += x;
                weighted = RowMath.MultiplyAdd(w, x, weighted);
                total += w;
            }
            if (i < count)
            {
                var x = RowMath.LoadEnd(logits + i, count - i, T.Zero);
                var w = Weight(x, shift);
                if (weights is not null)
                    RowMath.StoreEnd(w, weights + i, count - i);
                w = RowMath.KeepFirst(w, count - i);
                sum += x;
                weighted = RowMath.MultiplyAdd(w, x, weighted);
                total += w;
            }
            return (double.CreateTruncating(Vector.Sum(sum)), double.CreateTruncating(Vector.Sum(weighted)),
                double.CreateTruncating(Vector.Sum(total)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly Vector<T> Weight(Vector<T> x, Vector<T> shift) => sigmoid ? new SigmoidKernel().Invoke(x) : VectorMath.Exp(x - shift);
    }
}
