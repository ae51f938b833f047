using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/tensor</c>.</summary>
sealed class TensorWorkloads(int side)
{
    readonly int square = 512 * side;

    long Count => (long)square * square;

    public IEnumerable<KernelWorkload> All =>
    [
        Flat("elementwise_add", 8, 4, m =>
        {
            var (y, a, b) = (m.Output(square, square), m.Floats(square, square), m.Floats(square, square));
            return () => m.Backend.Map(Binary.Add, a, b, y);
        }),
        Flat("elementwise_scale", 4, 4, m =>
        {
            var (y, x) = (m.Output(square, square), m.Floats(square, square));
            return () => m.Backend.Map(Unary.Scale, x, y, 0.5);
        }),
        new("permute_transpose", "tensor", $"[{square}, {square}]", Count, 4, 4, m =>
        {
            var (y, x) = (m.Output(square, square), m.Floats(square, square));
            return () => m.Backend.Permute(x, [1, 0], y);
        }),
        Flat("reduce_sum", 4, 0, m =>
        {
            var (y, x) = (m.Output(1), m.Floats(square, square));
            return () => m.Backend.Sum(x, y);
        }),
        Product("gemm_nn", tensorCores: false),
        Product("gemm_tf32_nn", tensorCores: true),
    ];

    KernelWorkload Flat(string kernel, double loaded, double stored, Func<WorkloadMemory, Action> prepare) =>
        new(kernel, "tensor", $"[{Count}]", Count, loaded, stored, prepare);

    // Per element of the product: a row of A and a column of B are shared by all elements of their row and column.
    KernelWorkload Product(string kernel, bool tensorCores)
    {
        int size = 256 * side;
        return new(kernel, "tensor", $"[{size}, {size}] x [{size}, {size}]", (long)size * size, 8, 4, m =>
        {
            var (gemm, c) = (new GemmKernel(m.Library, tensorCores), CudaBackend.Pointer(m.Output(size, size)));
            MatrixOperand a = new(CudaBackend.Pointer(m.Floats(size, size)), false, size), b = new(CudaBackend.Pointer(m.Floats(size, size)), false, size);
            return () => gemm.Launch(m.Stream, c, 0, a, b, default, size, size, size, 1, accumulate: false);
        })
        {
            Operations = 2.0 * size,
        };
    }
}
