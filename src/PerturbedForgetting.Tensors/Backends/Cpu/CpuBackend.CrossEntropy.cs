using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void CrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? gradient)
    {
        double factor = 1.0 / logits.Shape[0];
        int classes = logits.Shape[1];
        CrossEntropyTerms terms = new(labels.Pointer<int>(), smoothing, factor, classes);
        if (classes > RowPanel.MaxLossWidth)
            Reduce(logits, factor, loss, gradient, new CrossEntropyRow(terms));
        else
            Reduce(logits, factor, loss, new CrossEntropyPanels(terms)
            {
                Logits = logits.Pointer<T>(),
                Gradient = PointerOrNull(gradient),
            });
    }

    /// <summary>What is made of the sums of a sample. Everything is relative to the largest logit, so that large logits do not cost
    /// digits.</summary>
    readonly struct CrossEntropyTerms(int* labels, double smoothing, double factor, int classes)
    {
        public int Classes => classes;

        public bool IsSmoothed => smoothing > 0;

        /// <summary>The loss.</summary>
        /// <param name="sample">Which sample.</param>
        /// <param name="logits">Its logits.</param>
        /// <param name="max">The largest of them.</param>
        /// <param name="log">The logarithm of the sum of exp(logit - max).</param>
        /// <param name="above">The sum of logit - max; read where smoothed.</param>
        public double Loss(long sample, T* logits, T max, double log, T above)
        {
            double value = log - (1 - smoothing) * double.CreateTruncating(logits[labels[sample]] - max);
            return IsSmoothed ? value - smoothing / classes * double.CreateTruncating(above) : value;
        }

        /// <summary>The gradient is exp(logit - max) / sum * factor + offset, less a share at the label.</summary>
        public T Factor => T.CreateTruncating(factor);

        public T Offset => T.CreateTruncating(-smoothing / classes * factor);

        public void SubtractLabel(long sample, T* gradient) =>
            gradient[labels[sample]] -= T.CreateTruncating((1 - smoothing) * factor);
    }

    struct CrossEntropyRow(CrossEntropyTerms terms) : IRowLoss<T>
    {
        public readonly double Run(long sample, T* logits, T* gradient, int classes)
        {
            T max = RowMath.Max(logits, classes);
            T sum = gradient is null ? RowMath.ExpSum(logits, max, classes) : RowMath.ExpSum(logits, max, T.One, gradient, classes);
            T above = terms.IsSmoothed ? SumAbove(logits, max, classes) : T.Zero;
            if (gradient is not null)
            {
                Affine(gradient, terms.Factor / sum, terms.Offset, classes);
                terms.SubtractLabel(sample, gradient);
            }
            return terms.Loss(sample, logits, max, Math.Log(double.CreateTruncating(sum)), above);
        }

        static T SumAbove(T* x, T shift, int count)
        {
            Vector<T> sum = default, s = new(shift);
            int i = 0;
            for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
                sum += Vector.Load(x + i) - s;
            if (i < count)
                sum += RowMath.LoadEnd(x + i, count - i, shift) - s;
            return Vector.Sum(sum);
        }
    }

    /// <summary>Few classes: as many samples at once as a vector has lanes.</summary>
    struct CrossEntropyPanels(CrossEntropyTerms terms) : ILossBody
    {
        public T* Logits, Gradient;

        public double* Values { get; set; }

        public readonly void Run(long first, long end)
        {
            T* panel = stackalloc T[RowPanel.Length<T>(terms.Classes)];
            T* maxima = stackalloc T[Vector<T>.Count], aboves = stackalloc T[Vector<T>.Count];
            double* logs = stackalloc double[Vector<T>.Count];
            for (long sample = first; sample < end; sample += Vector<T>.Count)
            {
                int count = (int)Math.Min(Vector<T>.Count, end - sample);
                Panel(sample, count, panel, maxima, aboves, logs);
                T* logits = Logits + (sample * terms.Classes), gradient = Gradient + (sample * terms.Classes);
                for (int i = 0; i < count; i++, logits += terms.Classes, gradient += terms.Classes)
                {
                    Values[sample + i] = terms.Loss(sample + i, logits, maxima[i], logs[i], aboves[i]);
                    if (Gradient is not null)
                        terms.SubtractLabel(sample + i, gradient);
                }
            }
        }

        /// <summary>Writes the gradients but for the labels' share, and what the losses are made of.</summary>
        readonly void Panel(long sample, int count, T* panel, T* maxima, T* aboves, double* logs)
        {
            int classes = terms.Classes;
            RowPanel.Load(Logits + (sample * classes), count, classes, panel);
            var max = RowPanel.Max(panel, classes);
            max.Store(maxima);
            (terms.IsSmoothed ? RowPanel.Sum(panel, max, classes) : Vector<T>.Zero).Store(aboves);
            var sum = RowPanel.ExpSum(panel, max, classes);
            VectorMath.Log(sum, logs);
            if (Gradient is null)
                return;
            RowPanel.Affine(panel, new Vector<T>(terms.Factor) / sum, new Vector<T>(terms.Offset), classes);
            RowPanel.Store(panel, Gradient + (sample * classes), count, classes);
        }
    }

    /// <summary>x = x * factor + offset.</summary>
    static void Affine(T* x, T factor, T offset, int count)
    {
        Vector<T> f = new(factor), o = new(offset);
        int i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            RowMath.MultiplyAdd(Vector.Load(x + i), f, o).Store(x + i);
        if (i < count)
            RowMath.StoreEnd(RowMath.MultiplyAdd(RowMath.LoadEnd(x + i, count - i, T.Zero), f, o), x + i, count - i);
    }
}
