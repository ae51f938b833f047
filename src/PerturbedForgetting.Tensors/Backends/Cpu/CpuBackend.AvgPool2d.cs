using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void AvgPool2d(Tensor x, in Pool2dGeometry geometry, bool countPadding, Tensor y)
    {
        var rows = new AvgPoolRows
        {
            Windows = new(geometry, x.Shape, y.Shape),
            CountPadding = countPadding,
            X = x.Pointer<T>(),
            Y = y.Pointer<T>(),
        };
        WorkerPool.For(y.Shape[0] * y.Shape[1], ref rows);
    }

    public override void AvgPool2dBackward(Tensor dy, in Pool2dGeometry geometry, bool countPadding, Tensor dx)
    {
        var rows = new AvgPoolBackwardRows
        {
            Windows = new(geometry, dx.Shape, dy.Shape),
            CountPadding = countPadding,
            Dy = dy.Pointer<T>(),
            Dx = dx.Pointer<T>(),
        };
        WorkerPool.For(dx.Shape[0] * dx.Shape[1], ref rows);
    }

    public override void GlobalAvgPool2d(Tensor x, Tensor y)
    {
        int pixels = x.Shape[1] * x.Shape[2];
        ForRows(y.Shape[0], x.Count / Math.Max(1, y.Shape[0]),
            new PixelMeans { Pixels = pixels, Channels = x.Shape[3], X = x.Pointer<T>(), Y = y.Pointer<T>() });
    }

    public override void GlobalAvgPool2dBackward(Tensor dy, Tensor dx)
    {
        int pixels = dx.Shape[1] * dx.Shape[2];
        ForRows(dx.Shape[0] * (long)pixels, dx.Shape[3],
            new SpreadMeans { Pixels = pixels, Channels = dx.Shape[3], Dy = dy.Pointer<T>(), Dx = dx.Pointer<T>() });
    }

    /// <summary>y += factor · x.</summary>
    static void AddScaled(T* x, T factor, T* y, int count)
    {
        int i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(y + i) + (Vector.Load(x + i) * factor)).Store(y + i);
        for (; i < count; i++)
            y[i] += x[i] * factor;
    }

    /// <summary>y = factor · x; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    static void SetScaled(T* x, T factor, T* y, int count)
    {
        int i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(x + i) * factor).Store(y + i);
        for (; i < count; i++)
            y[i] = x[i] * factor;
    }

    /// <summary>An index is one row of outputs of one image.</summary>
    struct AvgPoolRows : IParallelBody
    {
        public PoolWindows Windows;
        public bool CountPadding;
        public T* X, Y;

        public readonly void Run(int index)
        {
            int channels = Windows.Channels;
            var (image, row) = Math.DivRem(index, Windows.OutputH);
            var (top, bottom) = Windows.Rows(row);
            T* y = Y + ((long)index * Windows.OutputW * channels);
            for (int column = 0; column < Windows.OutputW; column++, y += channels)
            {
                new Span<T>(y, channels).Clear();
                var (left, right) = Windows.Columns(column);
                for (int h = top; h < bottom; h++)
                    for (int w = left; w < right; w++)
                        Lanes.Add(X + (((((long)image * Windows.InputH) + h) * Windows.InputW) + w) * channels, y, channels);
                SetScaled(y, T.One / T.CreateTruncating(Windows.Divisor(row, column, CountPadding)), y, channels);
            }
        }
    }

    /// <summary>An index is one row of inputs of one image.</summary>
    struct AvgPoolBackwardRows : IParallelBody
    {
        public PoolWindows Windows;
        public bool CountPadding;
        public T* Dy, Dx;

        public readonly void Run(int index)
        {
            int channels = Windows.Channels;
            var (image, row) = Math.DivRem(index, Windows.InputH);
            var (top, bottom) = Windows.RowsOver(row);
            T* dx = Dx + ((long)index * Windows.InputW * channels);
            for (int column = 0; column < Windows.InputW; column++, dx += channels)
            {
                new Span<T>(dx, channels).Clear();
                var (left, right) = Windows.ColumnsOver(column);
                for (int h = top; h < bottom; h++)
                    for (int w = left; w < right; w++)
                        AddScaled(Dy + (((((long)image * Windows.OutputH) + h) * Windows.OutputW) + w) * channels,
                            T.One / T.CreateTruncating(Windows.Divisor(h, w, CountPadding)), dx, channels);
            }
        }
    }

    /// <summary>A row is an image.</summary>
    struct PixelMeans : IRowBody
    {
        public int Pixels, Channels;
        public T* X, Y;

        public readonly void Run(long first, long end)
        {
            for (long image = first; image < end; image++)
            {
                T* y = Y + (image * Channels), x = X + (image * Pixels * Channels);
                new Span<T>(y, Channels).Clear();
                for (int pixel = 0; pixel < Pixels; pixel++, x += Channels)
                    Lanes.Add(x, y, Channels);
                SetScaled(y, T.One / T.CreateTruncating(Pixels), y, Channels);
            }
        }
    }

    /// <summary>A row is a pixel of an image.</summary>
    struct SpreadMeans : IRowBody
    {
        public int Pixels, Channels;
        public T* Dy, Dx;

        public readonly void Run(long first, long end)
        {
            var factor = T.One / T.CreateTruncating(Pixels);
            for (long pixel = first; pixel < end; pixel++)
                SetScaled(Dy + (pixel / Pixels * Channels), factor, Dx + (pixel * Channels), Channels);
        }
    }
}
