using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>A software GPU and the tables of its libraries, called as C code would call them; each call has one property for every argument
/// that a test may make wrong.</summary>
sealed unsafe class RawBlas : IDisposable
{
    public const int M = 3, N = 4, K = 5;

    readonly SmallGpu gpu = new();

    public RawBlas()
    {
        (A, B, C) = (Buffer(M * K), Buffer(K * N), Buffer(M * N));
        Workspace = gpu.Context.Allocate<byte>(4096);
    }

    public SmallGpu Gpu => gpu;

    public ref readonly CublasTable Api => ref gpu.Driver.Cublas.Call;

    public ref readonly CublasLtTable Lt => ref gpu.Driver.CublasLt.Call;

    /// <summary>Column-major [M,K], [K,N] and [M,N] of ones.</summary>
    public DeviceBuffer<float> A { get; }

    public DeviceBuffer<float> B { get; }

    public DeviceBuffer<float> C { get; }

    public DeviceBuffer<byte> Workspace { get; }

    /// <summary>What was wrong with the last call.</summary>
    public string Finding => gpu.Api.LastFinding!() ?? "";

    public nint Create()
    {
        nint handle;
        Assert.That(Api.Create(&handle), Is.EqualTo(CublasStatus.Success));
        return handle;
    }

    /// <summary>A product of all that is right, but for what the test sets.</summary>
    public CublasStatus Gemm(nint handle, GemmCall call)
    {
        float alpha = 1, beta = call.Beta;
        return Api.GemmStridedBatchedEx(handle, call.TransposeA, call.TransposeB, call.M, call.N, call.K, call.HasAlpha ? &alpha : null,
            call.A ?? A.Pointer.Address, call.Type, call.Lda, call.StrideA, call.B ?? B.Pointer.Address, CudaDataType.Float32, call.Ldb, 0,
            call.HasBeta ? &beta : null,
            call.C ?? C.Pointer.Address, CudaDataType.Float32, call.Ldc, call.StrideC, call.Batch, call.Compute, call.Algorithm);
    }

    public void Dispose() => gpu.Dispose();

    DeviceBuffer<float> Buffer(int count)
    {
        float[] ones = new float[count];
        Array.Fill(ones, 1);
        return gpu.Context.Allocate<float>(ones);
    }
}

/// <summary>Arguments of a product [M,K]·[K,N].</summary>
sealed record GemmCall
{
    public CublasOperation TransposeA { get; init; }
    public CublasOperation TransposeB { get; init; }
    public int M { get; init; } = RawBlas.M;
    public int N { get; init; } = RawBlas.N;
    public int K { get; init; } = RawBlas.K;
    public ulong? A { get; init; }
    public ulong? B { get; init; }
    public ulong? C { get; init; }
    public int Lda { get; init; } = RawBlas.M;
    public int Ldb { get; init; } = RawBlas.K;
    public int Ldc { get; init; } = RawBlas.M;
    public long StrideA { get; init; }
    public long StrideC { get; init; }
    public int Batch { get; init; } = 1;
    public float Beta { get; init; }
    public bool HasAlpha { get; init; } = true;
    public bool HasBeta { get; init; } = true;
    public CudaDataType Type { get; init; } = CudaDataType.Float32;
    public CublasComputeType Compute { get; init; } = CublasComputeType.Float32;
    public CublasGemmAlgorithm Algorithm { get; init; } = CublasGemmAlgorithm.Default;
}
