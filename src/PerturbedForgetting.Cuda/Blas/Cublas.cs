using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>Products of float32 matrices by cuBLAS. Belongs to one thread at a time; what it enqueues lies on one stream.</summary>
public sealed unsafe class Cublas : CudaResource
{
    /// <summary>What profiles call its products.</summary>
    public const string GemmName = "cublas sgemm";

    readonly CublasApi api;
    readonly string library;
    readonly nint handle;
    CudaStream stream;
    DevicePointer workspace;
    long workspaceBytes;

    /// <summary>Starts the library in a context, on the default stream and with the library's own workspace.</summary>
    /// <exception cref="CudaLibraryException">The library is absent, of a version that is not known, or does not start.</exception>
    public Cublas(CudaContext context, CublasApi api) : base(context)
    {
        (this.api, stream) = (api, context.DefaultStream);
        CublasErrors.RequireUsable(CudaLibrary.Cublas, api.WhyUnusable);
        library = $"cuBLAS {api.Version}";
        context.MakeCurrent();
        nint made;
        Check(api.Call.Create(&made));
        handle = made;
        // Sums must not differ from run to run.
        CublasStatus status = api.Call.SetAtomicsMode(handle, CublasAtomicsMode.NotAllowed);
        if (status != CublasStatus.Success)
            api.Call.Destroy(handle);
        Check(status, nameof(api.Call.SetAtomicsMode));
    }

    /// <summary>Whether factors may be rounded to TF32 (10 bits of mantissa), for the matrix units.</summary>
    public bool AllowTf32 { get; set; }

    /// <summary>Later products go to this stream. The workspace stays: who changes streams while work that uses it is not done changes it
    /// too.</summary>
    public void SetStream(CudaStream stream)
    {
        if (this.stream == stream)
            return;
        Use();
        Check(api.Call.SetStream(handle, stream.Handle));
        this.stream = stream;
        // The library takes its own workspace again with each new stream.
        if (!workspace.IsNull)
            Check(api.Call.SetWorkspace(handle, workspace.Address, (nuint)workspaceBytes));
    }

    /// <summary>Gives the library memory to work in; only with one of the caller's does a captured graph allocate nothing.</summary>
    /// <param name="workspace">Aligned to 256 bytes; it must outlive the work.</param>
    /// <param name="bytes">Its size: 4 MiB, or 32 MiB from compute capability 9.0 on.</param>
    public void SetWorkspace(DevicePointer workspace, long bytes)
    {
        Use();
        Check(api.Call.SetWorkspace(handle, workspace.Address, (nuint)bytes));
        (this.workspace, workspaceBytes) = (workspace, bytes);
    }

    /// <summary>C[m,n] = op(A)·op(B), or C += …, of row-major matrices of float32; of a batch of them.</summary>
    /// <param name="transposeA">A is stored as [k,m] and enters transposed; else [m,k].</param>
    /// <param name="transposeB">B is stored as [n,k] and enters transposed; else [k,n].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums; 0 gives zeros.</param>
    /// <param name="a">First element of A.</param>
    /// <param name="lda">Elements from one stored row of A to the next.</param>
    /// <param name="strideA">Elements from one A to the next; 0 when all are the same one.</param>
    /// <param name="b">First element of B.</param>
    /// <param name="ldb">Elements from one stored row of B to the next.</param>
    /// <param name="strideB">Elements from one B to the next; 0 when all are the same one.</param>
    /// <param name="c">First element of C, which overlaps neither A nor B.</param>
    /// <param name="ldc">Elements from one row of C to the next.</param>
    /// <param name="strideC">Elements from one C to the next.</param>
    /// <param name="batch">Number of products.</param>
    /// <param name="accumulate">Adds to what C holds.</param>
    /// <exception cref="CudaLibraryException">The library refuses it.</exception>
    public void Gemm(bool transposeA, bool transposeB, int m, int n, int k, DevicePointer a, int lda, long strideA,
        DevicePointer b, int ldb, long strideB, DevicePointer c, int ldc, long strideC, int batch, bool accumulate)
    {
        Use();
        float alpha = 1, beta = accumulate ? 1 : 0;
        CublasComputeType compute = AllowTf32 ? CublasComputeType.Float32FastTf32 : CublasComputeType.Float32;
        // The library's order is column-major, in which these matrices are their transposes: Cᵀ = op(B)ᵀ·op(A)ᵀ.
        CublasOperation first = OperationOf(transposeB), second = OperationOf(transposeA);
        stream.Observer?.Costs(LaunchCost.Product(m, n, k, batch, accumulate));
        stream.Observer?.Launching(stream, GemmName);
        if (batch == 1)
            Check(api.Call.GemmEx(handle, first, second, n, m, k, &alpha,
                b.Address, CudaDataType.Float32, ldb, a.Address, CudaDataType.Float32, lda,
                &beta, c.Address, CudaDataType.Float32, ldc, compute, CublasGemmAlgorithm.Default));
        else
            Check(api.Call.GemmStridedBatchedEx(handle, first, second, n, m, k, &alpha,
                b.Address, CudaDataType.Float32, ldb, strideB, a.Address, CudaDataType.Float32, lda, strideA,
                &beta, c.Address, CudaDataType.Float32, ldc, strideC, batch, compute, CublasGemmAlgorithm.Default));
        stream.Observer?.Launched(stream, GemmName);
    }

    /// <inheritdoc/>
    protected override CudaResult Release()
    {
        // A library whose context is lost cannot be ended in order; the fault was reported where it happened.
        api.Call.Destroy(handle);
        return CudaResult.Success;
    }

    static CublasOperation OperationOf(bool isTransposed) => isTransposed ? CublasOperation.Transpose : CublasOperation.None;

    void Check(CublasStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CublasStatus.Success)
            CublasErrors.Throw(status, CublasApi.EntryPoint(call), library, Api);
    }
}
