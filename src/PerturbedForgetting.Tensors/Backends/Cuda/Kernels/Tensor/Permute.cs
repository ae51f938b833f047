using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Dimensions in another order, for elements of 4 bytes; kernels/tensor/permute.cu.</summary>
sealed unsafe class Permute(KernelLibrary library)
{
    const int MostDimensions = 6, Tile = 32;

    readonly CudaKernel transpose = library.Get("permute_transpose"), permute = library.Get("permute");

    [InlineArray(MostDimensions)]
    struct Extents
    {
        int first;
    }

    [InlineArray(MostDimensions)]
    struct Strides
    {
        long first;
    }

    struct Permutation
    {
        public Extents Extent;
        public Strides Stride;
    }

    /// <summary>y[axes] = x: dimension i of y is dimension axes[i] of x, at most 6 of them.</summary>
    public void Launch(CudaStream stream, DevicePointer y, DevicePointer x, ReadOnlySpan<int> extents, ReadOnlySpan<int> axes)
    {
        long count = 1;
        foreach (int extent in extents)
            count *= extent;
        if (IsTransposition(axes))
        {
            int rows = extents[^2], columns = extents[^1];
            transpose.Launch(stream.Moving(8 * count), new Dim3((columns + Tile - 1) / Tile, (rows + Tile - 1) / Tile, (int)(count / rows / columns)), new Dim3(Tile, 8), 0, y, x, rows, columns);
            return;
        }
        var permutation = new Permutation();
        int front = MostDimensions - axes.Length;
        for (int d = 0; d < MostDimensions; d++)
        {
            permutation.Extent[d] = d < front ? 1 : extents[axes[d - front]];
            permutation.Stride[d] = d < front ? 0 : StrideOf(extents, axes[d - front]);
        }
        permute.Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, 256), 256, 0, y, x, KernelArgument.Structure(&permutation), count);
    }

    /// <summary>Whether only the last two dimensions change places.</summary>
    static bool IsTransposition(ReadOnlySpan<int> axes)
    {
        if (axes.Length < 2 || axes[^1] != axes.Length - 2 || axes[^2] != axes.Length - 1)
            return false;
        for (int d = 0; d < axes.Length - 2; d++)
        {
            if (axes[d] != d)
                return false;
        }
        return true;
    }

    static long StrideOf(ReadOnlySpan<int> extents, int axis)
    {
        long stride = 1;
        for (int d = axis + 1; d < extents.Length; d++)
            stride *= extents[d];
        return stride;
    }
}
