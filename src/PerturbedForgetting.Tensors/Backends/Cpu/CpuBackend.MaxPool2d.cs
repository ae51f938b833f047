using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void MaxPool2d(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index)
    {
        var rows = new MaxPoolRows
        {
            Windows = new PoolWindows(geometry, x.Shape, y.Shape),
            X = x.Pointer<T>(),
            Y = y.Pointer<T>(),
            Index = index.Pointer<int>(),
        };
        WorkerPool.For(y.Shape[0] * y.Shape[1], ref rows);
    }

    public override void MaxPool2dBackward(Tensor dy, Tensor index, in Pool2dGeometry geometry, Tensor dx)
    {
        var rows = new MaxPoolBackwardRows
        {
            Windows = new PoolWindows(geometry, dx.Shape, dy.Shape),
            Dy = dy.Pointer<T>(),
            Dx = dx.Pointer<T>(),
            Index = index.Pointer<int>(),
        };
        WorkerPool.For(dx.Shape[0] * dx.Shape[1], ref rows);
    }

    public override void MaxPool2dPick(Tensor x, Tensor index, Tensor y)
    {
        int channels = y.Shape[-1];
        ForRows(y.Count / Math.Max(1, channels), channels, new MaxPoolPickRows
        {
            Channels = channels,
            Windows = (long)y.Shape[1] * y.Shape[2],
            Pixels = (long)x.Shape[1] * x.Shape[2],
            X = x.Pointer<T>(),
            Y = y.Pointer<T>(),
            Index = index.Pointer<int>(),
        });
    }

    /// <summary>A row is the channels of one window.</summary>
    struct MaxPoolPickRows : IRowBody
    {
        public int Channels;
        public long Windows, Pixels;
        public T* X, Y;
        public int* Index;

        public readonly void Run(long first, long end)
        {
            for (long row = first; row < end; row++)
            {
                T* image = X + (row / Windows * Pixels * Channels), y = Y + (row * Channels);
                int* index = Index + (row * Channels);
                for (int c = 0; c < Channels; c++)
                    y[c] = image[((long)index[c] * Channels) + c];
            }
        }
    }

    /// <summary>An index is one row of outputs of one image.</summary>
    struct MaxPoolRows : IParallelBody
    {
        public PoolWindows Windows;
        public T* X, Y;
        public int* Index;

        public readonly void Run(int index)
        {
            int channels = Windows.Channels, width = Windows.InputW, row = index % Windows.OutputH;
            var (top, bottom) = Windows.Rows(row);
            T* x = X + ((long)(index / Windows.OutputH) * Windows.InputH * width * channels),
                y = Y + ((long)index * Windows.OutputW * channels);
            int* at = Index + ((long)index * Windows.OutputW * channels);
            for (int column = 0; column < Windows.OutputW; column++, y += channels, at += channels)
            {
                var (left, right) = Windows.Columns(column);
                int c = 0;
                if (typeof(T) == typeof(float))
                {
                    for (; c <= channels - Vector<float>.Count; c += Vector<float>.Count)
                        Lanes((float*)x + c, channels, width, top, bottom, left, right, (float*)y + c, at + c);
                }
                for (; c < channels; c++)
                    One(x + c, channels, width, top, bottom, left, right, y + c, at + c);
            }
        }

        static void Lanes(float* x, int channels, int width, int top, int bottom, int left, int right, float* y, int* at)
        {
            int first = (top * width) + left;
            var best = Vector.Load(x + ((long)first * channels));
            var index = new Vector<int>(first);
            for (int h = top; h < bottom; h++)
            {
                for (int pixel = (h * width) + left, end = (h * width) + right; pixel < end; pixel++)
                {
                    var value = Vector.Load(x + ((long)pixel * channels));
                    var higher = Vector.GreaterThan(value, best) | ~Vector.Equals(value, value);
                    best = Vector.ConditionalSelect(higher, value, best);
                    index = Vector.ConditionalSelect(higher, new Vector<int>(pixel), index);
                }
            }
            best.Store(y);
            index.Store(at);
        }

        static void One(T* x, int channels, int width, int top, int bottom, int left, int right, T* y, int* at)
        {
            *at = (top * width) + left;
            *y = x[(long)*at * channels];
            for (int h = top; h < bottom; h++)
            {
                for (int pixel = (h * width) + left, end = (h * width) + right; pixel < end; pixel++)
                {
                    var value = x[(long)pixel * channels];
                    if (value > *y || T.IsNaN(value))
                        (*y, *at) = (value, pixel);
                }
            }
        }
    }

    /// <summary>An index is one row of inputs of one image; each input gathers from the windows over it.</summary>
    struct MaxPoolBackwardRows : IParallelBody
    {
        public PoolWindows Windows;
        public T* Dy, Dx;
        public int* Index;

        public readonly void Run(int index)
        {
            int channels = Windows.Channels, row = index % Windows.InputH;
            var (top, bottom) = Windows.RowsOver(row);
            long image = (long)(index / Windows.InputH) * Windows.OutputH * Windows.OutputW * channels;
            T* dx = Dx + ((long)index * Windows.InputW * channels);
            long* over = stackalloc long[Windows.Kernel.H * Windows.Kernel.W];
            for (int column = 0; column < Windows.InputW; column++, dx += channels)
            {
                var (left, right) = Windows.ColumnsOver(column);
                int count = 0;
                for (int h = top; h < bottom; h++)
                {
                    for (int w = left; w < right; w++)
                        over[count++] = image + ((((long)h * Windows.OutputW) + w) * channels);
                }
                Gather(over, count, (row * Windows.InputW) + column, dx, channels);
            }
        }

        /// <summary>The sum, in the order of the windows, of the gradients of those whose largest element the pixel was.</summary>
        readonly void Gather(long* windows, int count, int pixel, T* dx, int channels)
        {
            int c = 0;
            if (typeof(T) == typeof(float))
                c = PoolGradient.Gather(Index, (float*)Dy, windows, count, pixel, (float*)dx, channels);
            for (; c < channels; c++)
            {
                var sum = T.Zero;
                for (int i = 0; i < count; i++)
                    if (Index[windows[i] + c] == pixel)
                        sum += Dy[windows[i] + c];
                dx[c] = sum;
            }
        }
    }
}
