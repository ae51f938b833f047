using System.Runtime.InteropServices;

namespace Benchmarks;

/// <summary>cblas_sgemm of an installed OpenBLAS, as the yardstick.</summary>
static unsafe class OpenBlas
{
    const int RowMajor = 101, NoTranspose = 111, Transpose = 112;

    static readonly string[] names = ["libopenblas.so.0", "libopenblas.so", "libopenblas.dll", "openblas.dll", "libopenblas.dylib"];

    static readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int,
        void> gemm = Load();

    public static bool IsAvailable => OpenBlas.gemm != null;

    public static string Describe() => !IsAvailable
        ? "OpenBLAS not found (on Debian: apt-get install libopenblas0-pthread): no comparison."
        : Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE") is { } core
            ? $"OpenBLAS runs with OPENBLAS_CORETYPE={core}: unset it to let OpenBLAS choose its kernels."
            : "OpenBLAS runs with its own choice of kernels.";

    public static void Multiply(bool transA, bool transB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc) =>
        OpenBlas.gemm(RowMajor, transA ? Transpose : NoTranspose, transB ? Transpose : NoTranspose, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);

    static delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> Load()
    {
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            if (NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out nint setThreads))
                ((delegate* unmanaged<int, void>)setThreads)(PerturbedForgetting.Tensors.Cpu.Threads);
            if (NativeLibrary.TryGetExport(library, "cblas_sgemm", out nint gemm))
                return (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)gemm;
        }
        return null;
    }
}
