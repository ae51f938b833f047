using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/tensor/reduce.cu.</remarks>
sealed partial class CudaBackend
{
    CudaKernel SumKernel => field ??= library.Get("reduce_sum");

    CudaKernel SumPartsKernel => field ??= library.Get("reduce_sum_parts");

    CudaKernel MeanKernel => field ??= library.Get("reduce_mean");

    CudaKernel MeanLastKernel => field ??= library.Get("reduce_mean_last");

    CudaKernel MeanBackwardKernel => field ??= library.Get("reduce_mean_backward");

    public override void Sum(Tensor x, Tensor y)
    {
        int parts = LaunchGrid.Blocks(x.Count, 16 * Threads, 1024);
        using Scratch partial = Doubles(parts);
        SumKernel.Launch(stream.Moving(Bytes(x), sizeof(double) * parts), parts, Threads, 0, partial.Pointer, Dense(x), x.Count);
        SumPartsKernel.Launch(stream.Moving(sizeof(double) * parts, Bytes(y)), 1, Threads, 0, Dense(y), partial.Pointer, parts);
    }

    public override void Mean(Tensor x, int axis, Tensor y)
    {
        if (y.Count == 0)
            return;
        var (outer, n, inner) = Around(x, axis);
        if (inner == 1)
            MeanLastKernel.Launch(Moving([x], [y]), LaunchGrid.Rows(MeanLastKernel.Name, LaunchGrid.Tiles(outer, Threads / Warp), n),
                Threads, 0, Dense(y), Dense(x), n, outer);
        else
            MeanKernel.Launch(Moving([x], [y]), LaunchGrid.Blocks(y.Count, Threads), Threads, 0, Dense(y), Dense(x), n, inner, y.Count);
    }

    public override void MeanBackward(Tensor dy, int axis, Tensor dx)
    {
        if (dx.Count == 0)
            return;
        var (_, n, inner) = Around(dx, axis);
        MeanBackwardKernel.Launch(Moving([dy], [dx]), LaunchGrid.Blocks(dx.Count, Threads), Threads, 0,
            Dense(dx), Dense(dy), n, inner, dx.Count);
    }

    /// <summary>A tensor as [outer, n, inner] around one of its dimensions.</summary>
    static (long Outer, int N, long Inner) Around(Tensor x, int axis) =>
        (x.Shape.Product(0, axis), x.Shape[axis], x.Shape.Product(axis + 1, x.Shape.Rank));
}
