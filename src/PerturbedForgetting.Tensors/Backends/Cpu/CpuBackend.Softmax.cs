using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void Softmax(Tensor x, Tensor y)
    {
        if (y.Shape[-1] <= RowPanel.MaxWidth)
            ForPanels<SoftmaxPanel>(x, null, y);
        else
            ForLastDimension(y, new SoftmaxRows(x, y));
    }

    public override void SoftmaxBackward(Tensor dy, Tensor y, Tensor dx)
    {
        if (RowPanel.EndsPay<T>(y.Shape[-1]))
            ForPanels<SoftmaxBackwardPanel>(dy, y, dx);
        else
            ForLastDimension(y, new SoftmaxBackwardRows(dy, y, dx));
    }

    public override void LogSoftmax(Tensor x, Tensor y)
    {
        if (y.Shape[-1] <= RowPanel.MaxWidth)
            ForPanels<LogSoftmaxPanel>(x, null, y);
        else
            ForLastDimension(y, new LogSoftmaxRows(x, y));
    }

    public override void LogSoftmaxBackward(Tensor dy, Tensor y, Tensor dx)
    {
        if (RowPanel.EndsPay<T>(y.Shape[-1]))
            ForPanels<LogSoftmaxBackwardPanel>(dy, y, dx);
        else
            ForLastDimension(y, new LogSoftmaxBackwardRows(dy, y, dx));
    }

    public override void SoftmaxBackwardTangent(Tensor dy, Tensor dyTangent, Tensor y, Tensor xtangent, Tensor dx) =>
        ForLastDimension(y, new SoftmaxBackwardTangentRows(dy, dyTangent, y, xtangent, dx));

    static void ForLastDimension<TBody>(Tensor y, TBody body) where TBody : struct, IRowBody
    {
        if (y.Count > 0)
            ForRows(y.Count / y.Shape[-1], y.Shape[-1], body);
    }

    static void ForPanels<TKernel>(Tensor a, Tensor? b, Tensor y) where TKernel : struct, IPanelKernel =>
        ForLastDimension(y, new PanelRows<TKernel>(a, b, y));

    /// <summary>Short rows, as many at once as a vector has lanes.</summary>
    struct PanelRows<TKernel>(Tensor a, Tensor? b, Tensor y) : IRowBody where TKernel : struct, IPanelKernel
    {
        readonly T* first = a.Pointer<T>(), second = PointerOrNull(b), target = y.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long begin, long end)
        {
            T* panel = stackalloc T[2 * RowPanel.Length<T>(width)], other = panel + RowPanel.Length<T>(width);
            for (long row = begin; row < end; row += Vector<T>.Count)
            {
                int rows = (int)Math.Min(Vector<T>.Count, end - row);
                RowPanel.Load(first + (row * width), rows, width, panel);
                if (second is not null)
                    RowPanel.Load(second + (row * width), rows, width, other);
                TKernel.Run(panel, other, width);
                RowPanel.Store(panel, target + (row * width), rows, width);
            }
        }
    }

    struct SoftmaxRows(Tensor x, Tensor y) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), target = y.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* to = target + row * width;
                T sum = RowMath.ExpSum(source + row * width, RowMath.Max(source + row * width, width), T.One, to, width);
                RowMath.Scale(to, T.One / sum, to, width);
            }
        }
    }

    struct SoftmaxBackwardRows(Tensor dy, Tensor y, Tensor dx) : IRowBody
    {
        readonly T* upstream = dy.Pointer<T>(), output = y.Pointer<T>(), target = dx.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* g = upstream + row * width, p = output + row * width, to = target + row * width;
                T dot = RowMath.Dot(g, p, width);
                var shift = new Vector<T>(dot);
                int i = 0;
                for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
                    ((Vector.Load(g + i) - shift) * Vector.Load(p + i)).Store(to + i);
                if (i < width)
                {
                    var last = (RowMath.LoadEnd(g + i, width - i, T.Zero) - shift) * RowMath.LoadEnd(p + i, width - i, T.Zero);
                    RowMath.StoreEnd(last, to + i, width - i);
                }
            }
        }
    }

    struct SoftmaxBackwardTangentRows(Tensor dy, Tensor dyTangent, Tensor y, Tensor xtangent, Tensor dx) : IRowBody
    {
        readonly T* upstream = dy.Pointer<T>(), tangents = dyTangent.Pointer<T>(), output = y.Pointer<T>(), moves = xtangent.Pointer<T>(),
            target = dx.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                long at = row * width;
                Row(upstream + at, tangents + at, output + at, moves + at, target + at);
            }
        }

        readonly void Row(T* g, T* h, T* y, T* v, T* dx)
        {
            T ofG = RowMath.Dot(g, y, width), ofV = RowMath.Dot(v, y, width);
            Vector<T> gs = new(ofG), vs = new(ofV), sum = default;
            int i = 0;
            for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
            {
                // sum(dy ytangent) with dy measured from its mean, which is the same, as the sum of ytangent is 0.
                var change = RowMath.MultiplyAdd(Vector.Load(g + i) - gs, Vector.Load(v + i) - vs, Vector.Load(h + i));
                change.Store(dx + i);
                sum = RowMath.MultiplyAdd(change, Vector.Load(y + i), sum);
            }
            T shift = Vector.Sum(sum);
            for (int j = i; j < width; j++)
            {
                dx[j] = T.MultiplyAddEstimate(g[j] - ofG, v[j] - ofV, h[j]);
                shift += dx[j] * y[j];
            }
            var shifts = new Vector<T>(shift);
            for (i = 0; i <= width - Vector<T>.Count; i += Vector<T>.Count)
                ((Vector.Load(dx + i) - shifts) * Vector.Load(y + i)).Store(dx + i);
            for (; i < width; i++)
                dx[i] = (dx[i] - shift) * y[i];
        }
    }

    struct LogSoftmaxRows(Tensor x, Tensor y) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), target = y.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* from = source + row * width, to = target + row * width;
                T max = RowMath.Max(from, width), log = T.Log(RowMath.ExpSum(from, max, width));
                Vector<T> m = new(max), l = new(log);
                int i = 0;
                for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
                    (Vector.Load(from + i) - m - l).Store(to + i);
                if (i < width)
                    RowMath.StoreEnd(RowMath.LoadEnd(from + i, width - i, max) - m - l, to + i, width - i);
            }
        }
    }

    struct LogSoftmaxBackwardRows(Tensor dy, Tensor y, Tensor dx) : IRowBody
    {
        readonly T* upstream = dy.Pointer<T>(), output = y.Pointer<T>(), target = dx.Pointer<T>();
        readonly int width = y.Shape[-1];

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* g = upstream + row * width, log = output + row * width, to = target + row * width;
                var sum = new Vector<T>(RowMath.Sum(g, width));
                int i = 0;
                for (; i <= width - Vector<T>.Count; i += Vector<T>.Count)
                    (Vector.Load(g + i) - VectorMath.Exp(Vector.Load(log + i)) * sum).Store(to + i);
                if (i < width)
                {
                    var last = RowMath.LoadEnd(g + i, width - i, T.Zero) - VectorMath.Exp(RowMath.LoadEnd(log + i, width - i, T.Zero))
                        * sum;
                    RowMath.StoreEnd(last, to + i, width - i);
                }
            }
        }
    }
}
