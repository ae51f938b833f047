using System.Numerics;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void MaxPool2d(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index)
    {
        if (x.DType == DType.Float32)
            MaxPool2d<float>(x, geometry, y, index);
        else
            MaxPool2d<double>(x, geometry, y, index);
    }

    public override void MaxPool2dBackward(Tensor dy, Tensor index, Tensor dx)
    {
        if (dy.DType == DType.Float32)
            MaxPool2dBackward<float>(dy, index, dx);
        else
            MaxPool2dBackward<double>(dy, index, dx);
    }

    static void MaxPool2d<T>(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new MaxPoolRows<T>
        {
            Windows = new PoolWindows(geometry, x.Shape, y.Shape), X = x.Pointer<T>(), Y = y.Pointer<T>(), Index = index.Pointer<int>(),
        };
        WorkerPool.For(y.Shape[0] * y.Shape[1], ref rows);
    }

    static void MaxPool2dBackward<T>(Tensor dy, Tensor index, Tensor dx) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var images = new MaxPoolBackwardImages<T>
        {
            Channels = dy.Shape[3], Inputs = dx.Shape[1] * dx.Shape[2], Outputs = dy.Shape[1] * dy.Shape[2],
            Dy = dy.Pointer<T>(), Dx = dx.Pointer<T>(), Index = index.Pointer<int>(),
        };
        WorkerPool.For(dy.Shape[0] * images.Blocks, ref images);
    }

    /// <summary>An index is one row of outputs of one image.</summary>
    struct MaxPoolRows<T> : IParallelBody where T : unmanaged, IFloatingPointIeee754<T>
    {
        public PoolWindows Windows;
        public T* X, Y;
        public int* Index;

        public readonly void Run(int index)
        {
            int channels = Windows.Channels;
            var (image, row) = Math.DivRem(index, Windows.OutputH);
            var (top, bottom) = Windows.Rows(row);
            T* x = X + ((long)image * Windows.InputH * Windows.InputW * channels), y = Y + ((long)index * Windows.OutputW * channels);
            int* at = Index + ((long)index * Windows.OutputW * channels);
            for (int column = 0; column < Windows.OutputW; column++, y += channels, at += channels)
            {
                var (left, right) = Windows.Columns(column);
                int first = (top * Windows.InputW) + left;
                new Span<T>(x + ((long)first * channels), channels).CopyTo(new Span<T>(y, channels));
                new Span<int>(at, channels).Fill(first);
                for (int h = top; h < bottom; h++)
                    for (int w = left; w < right; w++)
                        Raise(x + (((long)h * Windows.InputW) + w) * channels, y, at, (h * Windows.InputW) + w, channels);
            }
        }

        static void Raise(T* x, T* y, int* at, int pixel, int channels)
        {
            int c = 0;
            if (typeof(T) == typeof(float))
            {
                for (; c <= channels - Vector<float>.Count; c += Vector<float>.Count)
                {
                    Vector<float> value = Vector.Load((float*)x + c), best = Vector.Load((float*)y + c);
                    var higher = Vector.GreaterThan(value, best) | ~Vector.Equals(value, value);
                    Vector.ConditionalSelect(higher, value, best).Store((float*)y + c);
                    Vector.ConditionalSelect(higher, new Vector<int>(pixel), Vector.Load(at + c)).Store(at + c);
                }
            }
            for (; c < channels; c++)
            {
                if (!(x[c] > y[c]) && !T.IsNaN(x[c]))
                    continue;
                y[c] = x[c];
                at[c] = pixel;
            }
        }
    }

    /// <summary>An index is a block of channels of one image, so that no two write to the same place.</summary>
    struct MaxPoolBackwardImages<T> : IParallelBody where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Block = 64;

        public int Channels, Inputs, Outputs;
        public T* Dy, Dx;
        public int* Index;

        public readonly int Blocks => (Channels + Block - 1) / Block;

        public readonly void Run(int index)
        {
            var (image, block) = Math.DivRem(index, Blocks);
            int first = block * Block, channels = Math.Min(Block, Channels - first);
            T* dx = Dx + ((long)image * Inputs * Channels) + first;
            for (int pixel = 0; pixel < Inputs; pixel++)
                new Span<T>(dx + ((long)pixel * Channels), channels).Clear();
            long offset = ((long)image * Outputs * Channels) + first;
            for (int output = 0; output < Outputs; output++, offset += Channels)
                for (int c = 0; c < channels; c++)
                    dx[((long)Index[offset + c] * Channels) + c] += Dy[offset + c];
        }
    }
}
