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
            var (y, a, b) = (m.Output<float>(Count), m.Floats(Count), m.Floats(Count));
            return () => m.Library.Map(m.Stream, Binary.Add.Kernel, 2, Count, y, a, b, Count);
        }),
        Flat("elementwise_scale", 4, 4, m =>
        {
            var (y, x) = (m.Output<float>(Count), m.Floats(Count));
            return () => m.Library.Map(m.Stream, Unary.Scale.Kernel, 1, Count, y, x, 0.5f, Count);
        }),
        new("permute_transpose", "tensor", $"[{square}, {square}]", Count, 4, 4, m =>
        {
            var (kernel, y, x) = (new Permute(m.Library), m.Output<float>(Count), m.Floats(Count));
            return () => kernel.Launch(m.Stream, y, x, [square, square], [1, 0]);
        }),
        Flat("reduce_sum", 4, 0, m =>
        {
            var (kernel, y, x, partial) = (new Reduce(m.Library), m.Output<float>(1), m.Floats(Count), m.Output<double>(Reduce.Parts(Count)));
            return () => kernel.Sum(m.Stream, y, x, partial, Count);
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
            var (gemm, c) = (new GemmKernel(m.Library, tensorCores), m.Output<float>((long)size * size));
            GemmKernel.Operand a = new(m.Floats((long)size * size), false, size, 0), b = new(m.Floats((long)size * size), false, size, 0);
            return () => gemm.Launch(m.Stream, c, 0, a, b, default, size, size, size, 1, accumulate: false);
        })
        {
            Operations = 2.0 * size,
        };
    }
}
