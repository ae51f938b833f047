using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Products of row-major matrices, float or double, on all threads. Matrices must not overlap.</summary>
static unsafe class Gemm
{
    /// <summary>
    /// C[m, n] = op(A) op(B), or C += op(A) op(B). op(A) is m by k: A is m by k, or k by m if transposed; op(B) is k by n.
    /// </summary>
    /// <param name="transA">Whether A is stored transposed.</param>
    /// <param name="transB">Whether B is stored transposed.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Depth; 0 gives zeros.</param>
    /// <param name="a">A.</param>
    /// <param name="lda">Elements from one stored row of A to the next.</param>
    /// <param name="b">B.</param>
    /// <param name="ldb">Elements from one stored row of B to the next.</param>
    /// <param name="c">C.</param>
    /// <param name="ldc">Elements from one row of C to the next.</param>
    /// <param name="accumulate">Whether to add to C.</param>
    public static void Run<T>(bool transA, bool transB, int m, int n, int k, T* a, int lda, T* b, int ldb, T* c, int ldc, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Run(transA, transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, default(NoEpilogue<T>));

    /// <summary>As <see cref="Run{T}(bool, bool, int, int, int, T*, int, T*, int, T*, int, bool)"/>, with work on each finished row of
    /// C.</summary>
    public static void Run<T, TEpilogue>(bool transA, bool transB, int m, int n, int k, T* a, int lda, T* b, int ldb,
        T* c, int ldc, bool accumulate, TEpilogue epilogue)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TEpilogue : struct, IEpilogue<T>
    {
        var sink = new MatrixSink<T, TEpilogue>(c, ldc, accumulate, epilogue);
        switch (transA, transB)
        {
            case (false, false):
                GemmEngine.Run<T, DepthContiguous<T>, LineContiguous<T>, MatrixSink<T, TEpilogue>>(m, n, k, new(a, lda), new(b, ldb), sink);
                break;
            case (false, true) when GemmOrder.Swap(m, n):
                GemmEngine.Run<T, DepthContiguous<T>, DepthContiguous<T>, TransposedSink<T, TEpilogue>>(
                    n, m, k, new(b, ldb), new(a, lda), new(c, ldc, accumulate, epilogue));
                break;
            case (false, true):
                GemmEngine.Run<T, DepthContiguous<T>, DepthContiguous<T>, MatrixSink<T,
                    TEpilogue>>(m, n, k, new(a, lda), new(b, ldb), sink);
                break;
            case (true, false):
                GemmEngine.Run<T, LineContiguous<T>, LineContiguous<T>, MatrixSink<T, TEpilogue>>(m, n, k, new(a, lda), new(b, ldb), sink);
                break;
            default:
                GemmEngine.Run<T, LineContiguous<T>, DepthContiguous<T>, MatrixSink<T, TEpilogue>>(m, n, k, new(a, lda), new(b, ldb), sink);
                break;
        }
    }

    /// <summary>
    /// <paramref name="batch"/> products of one shape; matrix i of A begins at a + i * <paramref name="strideA"/>
    /// (elements), and so on. A stride of 0 shares one A or B. The batch is spread over the threads.
    /// </summary>
    public static void RunBatched<T>(int batch, bool transA, bool transB, int m, int n, int k, T* a, int lda, long strideA,
        T* b, int ldb, long strideB, T* c, int ldc, long strideC, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var body = new BatchBody<T>
        {
            TransA = transA,
            TransB = transB,
            M = m,
            N = n,
            K = k,
            A = a,
            Lda = lda,
            StrideA = strideA,
            B = b,
            Ldb = ldb,
            StrideB = strideB,
            C = c,
            Ldc = ldc,
            StrideC = strideC,
            Accumulate = accumulate,
        };
        // Few large products are better shared out inside; the result is the same.
        if (batch < 2 * WorkerPool.Threads && (long)m * n * k > 1 << 22)
        {
            for (int i = 0; i < batch; i++)
                body.Run(i);
            return;
        }
        WorkerPool.For(batch, ref body);
    }

    struct BatchBody<T> : IParallelBody
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public bool TransA, TransB, Accumulate;
        public int M, N, K, Lda, Ldb, Ldc;
        public long StrideA, StrideB, StrideC;
        public T* A;
        public T* B;
        public T* C;

        public void Run(int index) => Gemm.Run(TransA, TransB, M, N, K, A + (index * StrideA), Lda,
            B + (index * StrideB), Ldb, C + (index * StrideC), Ldc, Accumulate);
    }
}
