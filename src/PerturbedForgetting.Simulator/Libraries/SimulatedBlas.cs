using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>What cuBLAS and cuBLASLt have in common: statuses and checks.</summary>
static class SimulatedBlas
{
    /// <summary>Alignment of workspaces in bytes.</summary>
    public const ulong WorkspaceAlignment = 256;

    /// <summary>The way into the entry points of cuBLAS.</summary>
    public static LibraryEntry<CublasStatus> Entry { get; } = new("cublas", StatusOf);

    /// <summary>The way into the entry points of cuBLASLt.</summary>
    public static LibraryEntry<CublasStatus> LtEntry { get; } = new("cublasLt", StatusOf);

    static CublasStatus StatusOf(CudaResult result) => result switch
    {
        CudaResult.OutOfMemory => CublasStatus.AllocFailed,
        CudaResult.InvalidContext or CudaResult.NotInitialized or CudaResult.Deinitialized or CudaResult.ContextIsDestroyed =>
            CublasStatus.NotInitialized,
        CudaResult.InvalidValue => CublasStatus.InvalidValue,
        CudaResult.Unknown => CublasStatus.InternalError,
        _ => CublasStatus.ExecutionFailed,
    };

    public static LibraryError<CublasStatus> Refuse(CublasStatus status, string text) => new(status, text);

    /// <summary>Refuses a wrong argument.</summary>
    public static void Require(bool isRight, string text)
    {
        if (!isRight)
            throw Refuse(CublasStatus.InvalidValue, text);
    }

    /// <summary>Refuses what neither this library nor the real one has.</summary>
    public static void RequireSupported(bool isSupported, string text)
    {
        if (!isSupported)
            throw Refuse(CublasStatus.NotSupported, text);
    }

    /// <summary>Refuses an address of float32 that is null or misaligned.</summary>
    public static void RequireAddress(string name, ulong address)
    {
        Require(address != 0, $"{name} is null");
        Require(address % sizeof(float) == 0, $"{name} is at 0x{address:x}, which is not a multiple of {sizeof(float)}");
    }

    /// <summary>Refuses a leading dimension that is less than the rows.</summary>
    public static void RequireLeading(string name, long rows, long leading) =>
        Require(leading >= Math.Max(1, rows),
            $"the leading dimension of {name} is {leading}; {name} has {rows} rows as it is stored (column-major)");

    public static void RequireOperation(CublasOperation operation) =>
        // 2, the conjugate transpose, is for real numbers the transpose; the engine does not use it.
        Require(operation is CublasOperation.None or CublasOperation.Transpose, $"{(int)operation} is no operation on a matrix");

    public static void RequireCompute(CublasComputeType compute, params ReadOnlySpan<CudaDataType> types)
    {
        foreach (CudaDataType type in types)
            RequireSupported(type == CudaDataType.Float32,
                $"the software GPU multiplies float32 ({CudaDataType.Float32:d}) only, not data type {(int)type}");
        RequireSupported(Enum.IsDefined(compute),
            $"the software GPU computes in types {CublasComputeType.Float32:d} and {CublasComputeType.Float32FastTf32:d} only, not "
            + $"{(int)compute}");
    }
}
