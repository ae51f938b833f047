using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void CopyBlocks(Tensor x, Blocks from, Tensor y, Blocks to, long length, long count)
    {
        int size = x.DType.Size();
        ForRows(count, Math.Max(1, length * size / sizeof(float)), new CopyBlocksBody
        {
            Source = (byte*)x.Address + from.First * size,
            SourceStep = from.Stride * size,
            Target = (byte*)y.Address + to.First * size,
            TargetStep = to.Stride * size,
            Bytes = length * size,
        });
    }

    public override void PlaceBlocks(Tensor x, Tensor y, Blocks to, long length, long count)
    {
        int size = x.DType.Size();
        ForRows(count, Math.Max(1, to.Stride * size / sizeof(float)), new PlaceBlocksBody
        {
            Source = (byte*)x.Address,
            Target = (byte*)y.Address,
            Before = to.First * size,
            Bytes = length * size,
            Behind = (to.Stride - to.First - length) * size,
        });
    }

    public override void Mean(Tensor x, int axis, Tensor y) => ForMean(x, axis, new MeanBody(x, axis, y));

    public override void MeanBackward(Tensor dy, int axis, Tensor dx) => ForMean(dx, axis, new MeanBackwardBody(dy, axis, dx));

    public override void Sum(Tensor x, Tensor y)
    {
        var parts = RowParts.For(x.Count, 1);
        var body = new SumBody { X = x.Pointer<T>(), Parts = parts, Partial = Scratch.Get<T>(ScratchUse.Reduction, parts.Count) };
        WorkerPool.For(parts.Count, ref body);
        *y.Pointer<T>() = RowMath.Sum(body.Partial, parts.Count);
    }

    static void ForMean<TBody>(Tensor x, int axis, TBody body) where TBody : struct, IRowBody
    {
        if (x.Count > 0)
            ForRows(x.Shape.Product(0, axis), x.Shape.Product(axis, x.Shape.Rank), body);
    }

    struct CopyBlocksBody : IRowBody
    {
        public byte* Source, Target;
        public long SourceStep, TargetStep, Bytes;

        public readonly void Run(long first, long end)
        {
            for (long i = first; i < end; i++)
                Buffer.MemoryCopy(Source + i * SourceStep, Target + i * TargetStep, Bytes, Bytes);
        }
    }

    struct PlaceBlocksBody : IRowBody
    {
        public byte* Source, Target;
        public long Before, Bytes, Behind;

        public readonly void Run(long first, long end)
        {
            byte* target = Target + first * (Before + Bytes + Behind);
            for (long i = first; i < end; i++, target += Behind)
            {
                NativeMemory.Clear(target, (nuint)Before);
                target += Before;
                Buffer.MemoryCopy(Source + i * Bytes, target, Bytes, Bytes);
                target += Bytes;
                NativeMemory.Clear(target, (nuint)Behind);
            }
        }
    }

    struct SumBody : IParallelBody
    {
        public T* X, Partial;
        public RowParts Parts;

        public readonly void Run(int part) =>
            Partial[part] = RowMath.Sum(X + Parts.First(part), Math.Max(0, Parts.End(part) - Parts.First(part)));
    }

    struct MeanBody(Tensor x, int axis, Tensor y) : IRowBody
    {
        readonly T* source = x.Pointer<T>(), target = y.Pointer<T>();
        readonly int extent = x.Shape[axis], inner = (int)x.Shape.Product(axis + 1, x.Shape.Rank);

        public readonly void Run(long first, long end)
        {
            T factor = T.One / T.CreateTruncating(extent);
            for (long i = first; i < end; i++)
            {
                T* from = source + i * extent * inner, to = target + i * inner;
                if (inner == 1)
                {
                    *to = RowMath.Sum(from, extent) * factor;
                    continue;
                }
                Lanes.Copy(from, to, inner);
                for (int k = 1; k < extent; k++)
                    Lanes.Add(from + (long)k * inner, to, inner);
                RowMath.Scale(to, factor, to, inner);
            }
        }
    }

    struct MeanBackwardBody(Tensor dy, int axis, Tensor dx) : IRowBody
    {
        readonly T* source = dy.Pointer<T>(), target = dx.Pointer<T>();
        readonly int extent = dx.Shape[axis], inner = (int)dx.Shape.Product(axis + 1, dx.Shape.Rank);

        public readonly void Run(long first, long end)
        {
            T factor = T.One / T.CreateTruncating(extent);
            for (long i = first; i < end; i++)
                for (int k = 0; k < extent; k++)
                    RowMath.Scale(source + i * inner, factor, target + (i * extent + k) * inner, inner);
        }
    }
}
