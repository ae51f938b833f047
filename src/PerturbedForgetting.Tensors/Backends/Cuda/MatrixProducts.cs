using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>A row-major matrix, or a row of them, as a factor of a product.</summary>
/// <param name="Pointer">First element.</param>
/// <param name="IsTransposed">Whether the product takes its transpose.</param>
/// <param name="RowStride">Elements from one row of memory to the next.</param>
/// <param name="BatchStride">Elements from one matrix to the next; 0 uses one matrix again and again.</param>
readonly record struct MatrixOperand(DevicePointer Pointer, bool IsTransposed, int RowStride, long BatchStride = 0);

/// <summary>Matrix products on one stream: by cuBLAS where it is there, else by this project's kernels.</summary>
sealed class MatrixProducts(KernelLibrary library, CudaStream stream, bool allowTf32)
{
    const int MostBatch = 65535;

    readonly GemmKernel kernel = new(library, allowTf32);

    /// <summary>Whether a bias costs no pass of its own.</summary>
    public bool FusesBias => true;

    /// <summary>C [batch, m, n] = op(A) op(B), + C if accumulating, + bias [n] unless it is null. C is contiguous.</summary>
    public void Run(DevicePointer c, MatrixOperand a, MatrixOperand b, DevicePointer bias, int m, int n, int k, int batch, bool accumulate)
    {
        for (int first = 0; first < batch; first += MostBatch)
        {
            long distance = (long)m * n;
            kernel.Launch(stream, c + (sizeof(float) * first * distance), distance, From(a, first), From(b, first), bias, m, n, k, Math.Min(MostBatch, batch - first), accumulate);
        }
    }

    static GemmKernel.Operand From(MatrixOperand x, int first) => new(x.Pointer + (sizeof(float) * first * x.BatchStride), x.IsTransposed, x.RowStride, x.BatchStride);
}
