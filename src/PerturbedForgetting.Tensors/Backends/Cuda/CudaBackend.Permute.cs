using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/tensor/permute.cu.</remarks>
unsafe sealed partial class CudaBackend
{
    const int MostDimensions = 6;

    CudaKernel PermuteKernel => field ??= library.Get("permute");

    CudaKernel TransposeKernel => field ??= library.Get("permute_transpose");

    public override void Permute(Tensor x, ReadOnlySpan<int> axes, Tensor y)
    {
        if (x.DType.Size() != 4)
            throw new NotSupportedException($"On a GPU only elements of 4 bytes change their order, not those of {x}.");
        if (x.Count == 0)
            return;
        if (IsTransposition(axes))
        {
            const int tile = 32, tileRows = 8;
            int rows = x.Shape[-2], columns = x.Shape[-1];
            long tiles = LaunchGrid.Tiles(columns, tile) * LaunchGrid.Tiles(rows, tile) * (x.Count / rows / columns);
            // More tiles than a grid has blocks are matrices far smaller than a tile.
            if (tiles <= CapabilityLimits.GridX)
            {
                TransposeKernel.Launch(Moving([x], [y]), (int)tiles, new Dim3(tile, tileRows), 0, Pointer(y), Pointer(x), rows, columns);
                return;
            }
        }
        var permutation = new Permutation();
        int front = MostDimensions - axes.Length;
        for (int d = 0; d < MostDimensions; d++)
        {
            permutation.Extent[d] = d < front ? 1 : x.Shape[axes[d - front]];
            permutation.Stride[d] = d < front ? 0 : x.Shape.Product(axes[d - front] + 1, axes.Length);
        }
        PermuteKernel.Launch(Moving([x], [y]), LaunchGrid.Blocks(x.Count, Threads), Threads, 0,
            Pointer(y), Pointer(x), KernelArgument.Structure(&permutation), x.Count);
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

    /// <summary>The kernel's structure: extents of y, and the strides in x of its dimensions.</summary>
    struct Permutation
    {
        public Extents Extent;
        public Strides Stride;
    }

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
}
