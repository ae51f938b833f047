using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>A row-major matrix, or a row of them, as a factor of a product.</summary>
/// <param name="Pointer">First element.</param>
/// <param name="IsTransposed">Whether the product takes its transpose.</param>
/// <param name="RowStride">Elements from one row of memory to the next.</param>
/// <param name="BatchStride">Elements from one matrix to the next; 0 uses one matrix again and again.</param>
readonly record struct MatrixOperand(DevicePointer Pointer, bool IsTransposed, int RowStride, long BatchStride = 0)
{
    /// <summary>Whether four elements of a row can be loaded at once.</summary>
    public bool IsAligned => ((Pointer.Address / sizeof(float)) | (uint)RowStride | (ulong)BatchStride) % 4 == 0;
}

/// <summary>
/// Matrix products on one stream: by cuBLAS where it is there, with bias and its gradient in the same pass where cuBLASLt is, else by
/// this project's kernels. Both libraries share one fixed work space, since all their work is on one stream: a captured graph then
/// allocates nothing, and sums have one order.
/// </summary>
sealed class MatrixProducts : IDisposable
{
    const int HopperCapability = 90, WorkspaceBytes = 4 << 20, HopperWorkspaceBytes = 32 << 20;

    readonly CudaStream stream;
    readonly KernelLibrary library;
    readonly bool allowTf32;
    readonly Cublas? cublas;
    readonly CublasLt? cublasLt;
    readonly DeviceBuffer<byte>? workspace;
    readonly WideKernel addRow;

    /// <param name="library">This project's kernels.</param>
    /// <param name="stream">Where everything goes.</param>
    /// <param name="cublas">With that stream and the work space, or null.</param>
    /// <param name="cublasLt">Null without cuBLAS.</param>
    /// <param name="workspace">The work space of both, which this object owns; null without cuBLAS.</param>
    /// <param name="allowTf32">Whether factors may be rounded to TF32.</param>
    public MatrixProducts(KernelLibrary library, CudaStream stream, Cublas? cublas, CublasLt? cublasLt, DeviceBuffer<byte>? workspace,
        bool allowTf32)
    {
        (this.library, this.stream, this.cublas, this.cublasLt, this.allowTf32) = (library, stream, cublas, cublasLt, allowTf32);
        this.workspace = workspace;
        addRow = new WideKernel(library, "add_broadcast");
    }

    /// <summary>Work space of the size that the libraries advise for a GPU.</summary>
    public static DeviceBuffer<byte> AllocateWorkspace(CudaContext context) =>
        context.Allocate<byte>(context.Device.ComputeCapability >= HopperCapability ? HopperWorkspaceBytes : WorkspaceBytes);

    /// <summary>Whether products go through a library.</summary>
    public bool Uses(CudaLibrary wanted) => wanted == CudaLibrary.Cublas ? cublas is not null : cublasLt is not null;

    GemmKernel Kernel => field ??= new GemmKernel(library, allowTf32);

    /// <summary>C [batch, m, n] = op(A) op(B), + C if accumulating. C is contiguous.</summary>
    public void Run(DevicePointer c, MatrixOperand a, MatrixOperand b, int m, int n, int k, int batch, bool accumulate)
    {
        if (cublas is null)
            RunKernel(c, a, b, DevicePointer.Null, m, n, k, batch, accumulate);
        else
            cublas.Gemm(a.IsTransposed, b.IsTransposed, m, n, k, a.Pointer, a.RowStride, a.BatchStride, b.Pointer, b.RowStride,
                b.BatchStride, c, n, (long)m * n, batch, accumulate);
    }

    /// <summary>y [rows, outputs] = x [rows, inputs] weightᵀ + bias; the bias may be null.</summary>
    public void Linear(DevicePointer y, DevicePointer x, DevicePointer weight, DevicePointer bias, int rows, int inputs, int outputs)
    {
        if (cublas is null)
        {
            RunKernel(y, new(x, false, inputs), new(weight, true, inputs), bias, rows, outputs, inputs, 1, accumulate: false);
            return;
        }
        if (!bias.IsNull && cublasLt is not null
            && cublasLt.Linear(stream, x, weight, bias, y, rows, inputs, outputs, allowTf32, workspace!.Pointer, workspace.Count))
            return;
        Run(y, new(x, false, inputs), new(weight, true, inputs), rows, outputs, inputs, 1, accumulate: false);
        if (!bias.IsNull)
            AddRow(y, y, bias, outputs, (long)rows * outputs);
    }

    /// <summary>y = x + b, where b [columns] is added to every row; kernels/nn/add_broadcast.cu.</summary>
    public void AddRow(DevicePointer y, DevicePointer x, DevicePointer b, int columns, long count) =>
        addRow.Launch(stream.Moving(sizeof(float) * (count + columns), sizeof(float) * count), count, columns, y, x, b, columns, count);

    /// <summary>dweight [outputs, inputs] = dyᵀ x, + dweight if accumulating, and dbias [outputs] = the sum of the rows of dy, all in one
    /// pass.</summary>
    /// <returns>False when there is no such pass; nothing was done then.</returns>
    public bool TryLinearBackwardWeight(DevicePointer dweight, DevicePointer dbias, DevicePointer dy, DevicePointer x, int rows, int inputs,
        int outputs, bool accumulate) =>
        cublasLt is not null && workspace is not null
        && cublasLt.LinearBackwardWeight(stream, dy, x, dweight, dbias, rows, inputs, outputs, allowTf32, workspace.Pointer,
            workspace.Count, accumulate);

    public void Dispose()
    {
        cublasLt?.Dispose();
        cublas?.Dispose();
        workspace?.Dispose();
    }

    void RunKernel(DevicePointer c, MatrixOperand a, MatrixOperand b, DevicePointer bias, int m, int n, int k, int batch, bool accumulate)
    {
        long distance = (long)m * n;
        for (long first = 0; first < batch; first += GemmKernel.MostBatch)
        {
            for (long row = 0; row < m; row += GemmKernel.MostRows)
                Kernel.Launch(stream, c + (sizeof(float) * ((first * distance) + (row * n))), distance, From(a, first, row),
                    From(b, first, 0), bias, (int)Math.Min(GemmKernel.MostRows, m - row), n, k,
                    (int)Math.Min(GemmKernel.MostBatch, batch - first), accumulate);
        }
    }

    /// <summary>The operand from a matrix and a row of op(A) on.</summary>
    static MatrixOperand From(in MatrixOperand x, long first, long row) =>
        x with { Pointer = x.Pointer + (sizeof(float) * ((first * x.BatchStride) + (row * (x.IsTransposed ? 1 : x.RowStride)))) };
}
