using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>cuBLAS of the software GPU: refuses what the real one refuses (cuBLAS documentation, "cuBLAS Datatypes Reference",
/// "cublasGemmEx"), and computes in float64.</summary>
sealed unsafe class SimulatedCublas
{
    readonly Version? version;

    // Held so that the pointer made of it stays valid.
    readonly PropertyFunction property;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate CublasStatus PropertyFunction(CudaLibraryProperty property, int* value);

    /// <summary>Makes the library.</summary>
    /// <param name="version">The version it says it has; null when there is to be none.</param>
    public SimulatedCublas(Version? version)
    {
        this.version = version;
        property = GetProperty;
        Api = version is null
            ? CublasApi.Absent("the software GPU was made without it")
            : new() { Entries = Table(), Origin = SimulatedDriver.Name };
    }

    /// <summary>The table of entry points.</summary>
    public CublasApi Api { get; }

    static LibraryEntry<CublasStatus> Entry => SimulatedBlas.Entry;

    CublasTable Table() => new()
    {
        Create = &Create,
        Destroy = &Destroy,
        GetProperty = (delegate* unmanaged<CudaLibraryProperty, int*, CublasStatus>)Marshal.GetFunctionPointerForDelegate(property),
        SetStream = &SetStream,
        SetWorkspace = &SetWorkspace,
        SetAtomicsMode = &SetAtomicsMode,
        GemmEx = &GemmEx,
        GemmStridedBatchedEx = &GemmStridedBatchedEx,
    };

    CublasStatus GetProperty(CudaLibraryProperty property, int* value) => Entry.Free(() =>
    {
        SimulatedBlas.Require(value is not null, "the property's place is null");
        *value = property switch
        {
            CudaLibraryProperty.MajorVersion => version!.Major,
            CudaLibraryProperty.MinorVersion => version!.Minor,
            CudaLibraryProperty.PatchLevel => version!.Build,
            _ => throw SimulatedBlas.Refuse(CublasStatus.InvalidValue, $"{(int)property} is no property of a library"),
        };
    });

    [UnmanagedCallersOnly]
    static CublasStatus Create(nint* handle) => Entry.Run(context =>
    {
        SimulatedBlas.Require(handle is not null, "the handle's place is null");
        context.Captures.RefuseUnsafe("creating a cuBLAS handle");
        *handle = context.Register(new CublasHandle(context));
    });

    [UnmanagedCallersOnly]
    static CublasStatus Destroy(nint handle) => Entry.Run(context =>
    {
        CublasHandle found = Find(context, handle);
        context.Captures.RefuseUnsafe("destroying a cuBLAS handle");
        context.Scheduler.HostWaitsForAll();
        context.Unregister(handle, found);
    });

    [UnmanagedCallersOnly]
    static CublasStatus SetStream(nint handle, nint stream) => Entry.Run(context =>
    {
        CublasHandle found = Find(context, handle);
        Driver.Entry.Stream(context, stream);
        // As the real library: the workspace is its own again.
        (found.Stream, found.Workspace, found.WorkspaceBytes) = (stream, 0, 0);
    });

    [UnmanagedCallersOnly]
    static CublasStatus SetWorkspace(nint handle, ulong workspace, nuint bytes) => Entry.Run(context =>
    {
        CublasHandle found = Find(context, handle);
        SimulatedBlas.Require(workspace % SimulatedBlas.WorkspaceAlignment == 0,
            $"the workspace is at 0x{workspace:x}, which is not a multiple of {SimulatedBlas.WorkspaceAlignment}");
        SimulatedBlas.Require(workspace != 0 || bytes == 0, $"a workspace of {bytes} bytes is null");
        (found.Workspace, found.WorkspaceBytes) = (workspace, (long)bytes);
    });

    [UnmanagedCallersOnly]
    static CublasStatus SetAtomicsMode(nint handle, CublasAtomicsMode mode) => Entry.Run(context =>
    {
        Find(context, handle);
        SimulatedBlas.Require(Enum.IsDefined(mode), $"{(int)mode} is no mode of atomic operations");
    });

    [UnmanagedCallersOnly]
    static CublasStatus GemmEx(nint handle, CublasOperation transposeA, CublasOperation transposeB, int m, int n, int k, void* alpha,
        ulong a, CudaDataType typeA, int lda,
        ulong b, CudaDataType typeB, int ldb, void* beta, ulong c, CudaDataType typeC, int ldc, CublasComputeType compute,
        CublasGemmAlgorithm algorithm) => Entry.Run(context =>
    {
        CublasHandle found = Find(context, handle);
        Check(algorithm, compute, typeA, typeB, typeC);
        SimulatedBlas.Require(alpha is not null && beta is not null, "alpha or beta is null");
        Enqueue(found, new Gemm(transposeA, transposeB, m, n, k, new(a, lda), new(b, ldb), new(c, ldc), new(c, ldc))
        {
            Alpha = *(float*)alpha,
            Beta = *(float*)beta,
            RoundsToTf32 = compute == CublasComputeType.Float32FastTf32,
        });
    });

    [UnmanagedCallersOnly]
    static CublasStatus GemmStridedBatchedEx(nint handle, CublasOperation transposeA, CublasOperation transposeB, int m, int n, int k,
        void* alpha,
        ulong a, CudaDataType typeA, int lda, long strideA, ulong b, CudaDataType typeB, int ldb, long strideB, void* beta,
        ulong c, CudaDataType typeC, int ldc, long strideC, int batch, CublasComputeType compute, CublasGemmAlgorithm algorithm) =>
            Entry.Run(context =>
    {
        CublasHandle found = Find(context, handle);
        Check(algorithm, compute, typeA, typeB, typeC);
        SimulatedBlas.Require(alpha is not null && beta is not null, "alpha or beta is null");
        SimulatedBlas.Require(batch >= 0, $"a batch of {batch}");
        // The real library takes strides for what they are; a batch that writes over itself has no defined result.
        SimulatedBlas.Require(strideA >= 0 && strideB >= 0 && strideC >= 0, $"a stride of ({strideA}, {strideB}, {strideC}) is negative");
        SimulatedBlas.Require(batch <= 1 || m == 0 || n == 0 || strideC >= ((long)ldc * (n - 1)) + m
            || IsInterleaved(m, n, ldc, strideC, batch),
            $"matrices of C, {m} by {n} with leading dimension {ldc}, overlap at a stride of {strideC}");
        Enqueue(found, new Gemm(transposeA, transposeB, m, n, k, new(a, lda, strideA), new(b, ldb, strideB), new(c, ldc, strideC),
            new(c, ldc, strideC))
        {
            Alpha = *(float*)alpha,
            Beta = *(float*)beta,
            Batch = batch,
            RoundsToTf32 = compute == CublasComputeType.Float32FastTf32,
        });
    });

    /// <summary>Whether the matrices lie beside each other in the gaps that the leading dimension leaves, like the heads of an attention
    /// layer.</summary>
    static bool IsInterleaved(int m, int n, int ldc, long strideC, int batch) => strideC >= m && ((batch - 1) * strideC) + m <= ldc;

    static void Check(CublasGemmAlgorithm algorithm, CublasComputeType compute, CudaDataType a, CudaDataType b, CudaDataType c)
    {
        SimulatedBlas.RequireCompute(compute, a, b, c);
        SimulatedBlas.RequireSupported(algorithm == CublasGemmAlgorithm.Default, $"the software GPU knows no algorithm {(int)algorithm}");
    }

    static void Enqueue(CublasHandle handle, Gemm gemm)
    {
        gemm.Check();
        if (gemm.IsEmpty)
            return;
        var workspace = new MemoryRegion("workspace", handle.Workspace, handle.WorkspaceBytes);
        gemm.Enqueue(Cublas.GemmName, Driver.Entry.Stream(handle.Context, handle.Stream), workspace);
    }

    static CublasHandle Find(SimulatedContext context, nint handle) => LibraryEntry<CublasStatus>.Handle<CublasHandle>(
        context, handle, CudaLibrary.Cublas, unknown: CublasStatus.NotInitialized, foreign: CublasStatus.NotInitialized);
}

/// <summary>State of a handle of cuBLAS.</summary>
sealed class CublasHandle(SimulatedContext context) : LibraryHandle(context)
{
    /// <summary>The caller's workspace; 0 for the library's own.</summary>
    public ulong Workspace { get; set; }

    public long WorkspaceBytes { get; set; }
}
