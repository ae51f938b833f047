using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void AddBroadcast(Tensor x, Tensor b, Tensor y)
    {
        if (x.Count > 0)
            ForRows(x.Count / b.Count, b.Count,
                new AddBroadcastBody { X = x.Pointer<T>(), B = b.Pointer<T>(), Y = y.Pointer<T>(), Inner = b.Count });
    }

    public override void SumLeading(Tensor x, Tensor y, bool accumulate) =>
        SumRows(x.Pointer<T>(), y.Pointer<T>(), x.Count, y.Count, accumulate);

    struct AddBroadcastBody : IRowBody
    {
        public T* X, B, Y;
        public long Inner;

        public void Run(long first, long end)
        {
            T* x = X + first * Inner, y = Y + first * Inner, b = B;
            long inner = Inner;
            for (; first < end; first++, x += inner, y += inner)
            {
                long j = 0;
                for (; j <= inner - Vector<T>.Count; j += Vector<T>.Count)
                    (Vector.Load(x + j) + Vector.Load(b + j)).Store(y + j);
                for (; j < inner; j++)
                    y[j] = x[j] + b[j];
            }
        }
    }

    /// <summary>Sums rows of length <paramref name="inner"/> in two stages: parts of the rows, then the parts in order, the cut given by
    /// the shape alone.</summary>
    static void SumRows(T* x, T* y, long count, long inner, bool accumulate)
    {
        if (inner == 0)
            return;
        var parts = RowParts.For(count / inner, Math.Min(inner, SumRowsBody.Columns));
        T* partial = Scratch.Get<T>(ScratchUse.Reduction, parts.Count * inner);
        var body = new SumRowsBody { X = x, Partial = partial, Inner = inner, Parts = parts };
        WorkerPool.For(checked((int)(parts.Count * body.Blocks)), ref body);
        AddParts(partial, y, parts.Count, inner, accumulate);
    }

    /// <summary>y = the sum of the parts, each of length <paramref name="inner"/>, added to y if <paramref name="accumulate"/>.</summary>
    static void AddParts(T* partial, T* y, int parts, long inner, bool accumulate) =>
        ForRows(inner, parts, new AddPartsBody { Partial = partial, Y = y, Inner = inner, Parts = parts, Accumulate = accumulate });

    /// <summary>How the rows of a reduction over rows are cut into parts; a function of the shape alone, so that results do not depend on
    /// threads.</summary>
    readonly record struct RowParts(long Rows, long Length, int Count)
    {
        const int MaxParts = 64;

        public static RowParts For(long rows, long rowElements)
        {
            long wanted = Math.Clamp(rows * rowElements / RangeElements, 1, MaxParts);
            long length = Math.Max(1, (rows + wanted - 1) / wanted);
            return new(rows, length, (int)Math.Max(1, (rows + length - 1) / length));
        }

        public long First(int part) => part * Length;

        public long End(int part) => Math.Min(Rows, (part + 1) * Length);
    }

    struct SumRowsBody : IParallelBody
    {
        public const int Columns = 2048;

        public T* X, Partial;
        public long Inner;
        public RowParts Parts;

        public readonly long Blocks => (Inner + Columns - 1) / Columns;

        public readonly void Run(int index)
        {
            int part = index % Parts.Count;
            long column = index / Parts.Count * (long)Columns, width = Math.Min(Columns, Inner - column);
            T* sum = Partial + part * Inner + column;
            new Span<T>(sum, (int)width).Clear();
            long row = Parts.First(part), end = Parts.End(part);
            for (; row <= end - 4; row += 4)
                AddFour(X + row * Inner + column, Inner, sum, width);
            for (; row < end; row++)
                Lanes.Add(X + row * Inner + column, sum, (int)width);
        }

        static void AddFour(T* x, long step, T* sum, long width)
        {
            T* x1 = x + step, x2 = x1 + step, x3 = x2 + step;
            long j = 0;
            for (; j <= width - Vector<T>.Count; j += Vector<T>.Count)
            {
                var four = Vector.Load(x + j) + Vector.Load(x1 + j) + (Vector.Load(x2 + j) + Vector.Load(x3 + j));
                (Vector.Load(sum + j) + four).Store(sum + j);
            }
            for (; j < width; j++)
                sum[j] += x[j] + x1[j] + (x2[j] + x3[j]);
        }
    }

    struct AddPartsBody : IRowBody
    {
        public T* Partial, Y;
        public long Inner;
        public int Parts;
        public bool Accumulate;

        public void Run(long first, long end)
        {
            long j = first;
            for (; j <= end - Vector<T>.Count; j += Vector<T>.Count)
            {
                var sum = Accumulate ? Vector.Load(Y + j) : Vector<T>.Zero;
                for (int part = 0; part < Parts; part++)
                    sum += Vector.Load(Partial + part * Inner + j);
                sum.Store(Y + j);
            }
            for (; j < end; j++)
            {
                T sum = Accumulate ? Y[j] : T.Zero;
                for (int part = 0; part < Parts; part++)
                    sum += Partial[part * Inner + j];
                Y[j] = sum;
            }
        }
    }
}
