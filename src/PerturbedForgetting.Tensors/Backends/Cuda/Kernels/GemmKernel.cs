using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Matrix products of row-major matrices, C = op(A) op(B) (+ C) (+ bias); kernels/tensor/gemm.cu and gemm_tf32.cu.</summary>
sealed class GemmKernel(KernelLibrary library, bool tensorCores)
{
    const int Block = 128, Threads = 256;

    // The kernels step along the depth in slices, with an int.
    const int MostDepth = int.MaxValue - Block;

    /// <summary>The most rows and matrices of a launch: as many as tiles, and they, fit along y and z of a grid.</summary>
    public const int MostRows = LaunchGrid.MostAlongY * Block, MostBatch = LaunchGrid.MostAlongZ;

    static readonly string[] forms = ["nn", "nt", "tn", "tt"];

    // Each form is loaded when it is needed.
    readonly CudaKernel?[] kernels = new CudaKernel?[forms.Length];

    /// <summary>C [batch, m, n], contiguous rows, <paramref name="batchStride"/> from one matrix to the next; bias [n] may be
    /// null. At most <see cref="MostRows"/> rows and <see cref="MostBatch"/> matrices.</summary>
    public void Launch(CudaStream stream, DevicePointer c, long batchStride, in MatrixOperand a, in MatrixOperand b, DevicePointer bias,
        int m, int n, int k, int batch, bool accumulate)
    {
        int aligned = (a.IsAligned ? 1 : 0) + (b.IsAligned ? 2 : 0) + (new MatrixOperand(c, false, n, batchStride).IsAligned ? 4 : 0);
        if (k > MostDepth)
            throw new DeviceLimitException($"A matrix product on a GPU sums at most {MostDepth} products an element, not {k}.");
        var grid = new Dim3((int)LaunchGrid.Tiles(n, Block), (int)LaunchGrid.Tiles(m, Block), batch);
        stream.Observer?.Costs(LaunchCost.Product(m, n, k, batch, accumulate));
        int form = (a.IsTransposed ? 2 : 0) + (b.IsTransposed ? 1 : 0);
        CudaKernel kernel = kernels[form] ??= library.Get((tensorCores ? "gemm_tf32_" : "gemm_") + forms[form]);
        kernel.Launch(stream, grid, Threads, 0, c, a.Pointer, b.Pointer, bias, m, n, k, (long)a.RowStride, (long)b.RowStride,
            a.BatchStride, b.BatchStride, batchStride, accumulate ? 1 : 0, aligned);
    }
}
