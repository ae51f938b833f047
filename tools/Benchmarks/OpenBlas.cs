using System.Runtime.InteropServices;

namespace Benchmarks;

/// <summary>cblas_sgemm of an installed OpenBLAS, as the yardstick.</summary>
static unsafe partial class OpenBlas
{
    const int RowMajor = 101, NoTranspose = 111, Transpose = 112;

    // Its threads spin after a product for two to this power of the processor's ticks, by default for longer than a turn, and take
    // a processor from the next turn's. So they stay awake from one product of a turn to the next, and are asleep a millisecond later.
    const string TimeoutName = "OPENBLAS_THREAD_TIMEOUT", Timeout = "20";

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
        // The library reads the environment itself, of which .NET keeps a copy.
        if (!OperatingSystem.IsWindows())
            SetVariable(TimeoutName, Timeout, overwrite: 0);
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

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
