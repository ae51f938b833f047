using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.Permute Permutation => field ??= new(library);

    Reduce Reduction => field ??= new(library);

    public override void CopyBlocks(Tensor x, Blocks from, Tensor y, Blocks to, long length, long count)
    {
        if (length * count > 0)
            Memory.CopyBlocks(stream, Pointer(y), to, Pointer(x), from, y.DType.Size(), length, count);
    }

    public override void PlaceBlocks(Tensor x, Tensor y, Blocks to, long length, long count)
    {
        if (y.Count > 0)
            Memory.PlaceBlocks(stream, Dense(y), to, Dense(x), length, count);
    }

    public override void Permute(Tensor x, ReadOnlySpan<int> axes, Tensor y)
    {
        if (x.DType.Size() != 4)
            throw new NotSupportedException($"On a GPU only elements of 4 bytes change their order, not those of {x}.");
        if (x.Count == 0)
            return;
        Span<int> extents = stackalloc int[x.Shape.Rank];
        x.Shape.CopyTo(extents);
        Permutation.Launch(stream, Pointer(y), Pointer(x), extents, axes);
    }

    public override void Mean(Tensor x, int axis, Tensor y)
    {
        if (y.Count > 0)
            Reduction.Mean(stream, Dense(y), Dense(x), x.Shape.Product(0, axis), x.Shape[axis], checked((int)x.Shape.Product(axis + 1, x.Shape.Rank)));
    }

    public override void MeanBackward(Tensor dy, int axis, Tensor dx)
    {
        if (dx.Count > 0)
            Reduction.MeanBackward(stream, Dense(dx), Dense(dy), dx.Shape.Product(0, axis), dx.Shape[axis], checked((int)dx.Shape.Product(axis + 1, dx.Shape.Rank)));
    }

    public override void Sum(Tensor x, Tensor y)
    {
        using Scratch partial = Doubles(Reduce.Parts(x.Count));
        Reduction.Sum(stream, Dense(y), Dense(x), partial.Pointer, x.Count);
    }
}
