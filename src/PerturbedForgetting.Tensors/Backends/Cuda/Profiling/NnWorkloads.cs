using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/nn</c>: the activations of ViT-S for a few images.</summary>
sealed class NnWorkloads(int side)
{
    const int Columns = 384;

    readonly int rows = 512 * side * side;

    long Count => (long)rows * Columns;

    public IEnumerable<KernelWorkload> All =>
    [
        .. new[] { Unary.Relu, Unary.Sigmoid, Unary.Gelu }.SelectMany(f => new[] { Map(f.Kernel, inputs: 1), Map(f.Backward.Kernel, inputs: 2) }),
        new("dropout", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x) = (new Dropout(m.Library), m.Output<float>(Count), m.Floats(Count));
            return () => kernel.Launch(m.Stream, y, x, 0.1, 42, 0, default, Count);
        }),
        new("add_broadcast", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x, b) = (new Broadcast(m.Library), m.Output<float>(Count), m.Floats(Count), m.Floats(Columns));
            return () => kernel.Add(m.Stream, y, x, b, Columns, Count);
        }),
        new("sum_leading", "nn", $"[{rows}, {Columns}]", Count, 4, 0, m =>
        {
            var (kernel, y, x, partial) = (new Broadcast(m.Library), m.Output<float>(Columns), m.Floats(Count), m.Output<float>(new ColumnParts(rows, Columns).Count * Columns));
            return () => kernel.Sum(m.Stream, y, x, partial, rows, Columns, accumulate: false);
        }),
        new("softmax", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x) = (new Softmax(m.Library), m.Output<float>(Count), m.Floats(Count));
            return () => kernel.Forward(m.Stream, y, x, rows, Columns, isLog: false);
        }),
        new("layer_norm", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, statistics, x) = (new LayerNorm(m.Library), m.Output<float>(Count), m.Output<float>(3 * rows), m.Floats(Count));
            var (weight, bias) = (m.Floats(Columns), m.Floats(Columns));
            return () => kernel.Forward(m.Stream, y, statistics, default, x, default, weight, bias, 1e-6, rows, Columns);
        }),
        new("layer_norm_backward", "nn", $"[{rows}, {Columns}]", Count, 8, 4, LayerNormBackward),
    ];

    KernelWorkload Map(string kernel, int inputs) => new(kernel, "nn", $"[{rows}, {Columns}]", Count, 4 * inputs, 4, m =>
    {
        var (y, a, b) = (m.Output<float>(Count), m.Floats(Count), m.Floats(Count));
        return inputs == 1 ? () => m.Library.Map(m.Stream, kernel, 1, Count, y, a, Count) : () => m.Library.Map(m.Stream, kernel, 2, Count, y, a, b, Count);
    });

    Action LayerNormBackward(WorkloadMemory m)
    {
        var (kernel, dx, dy, x) = (new LayerNorm(m.Library), m.Output<float>(Count), m.Floats(Count), m.Floats(Count));
        var (y, statistics, weight) = (m.Output<float>(Count), m.Output<float>(3 * rows), m.Floats(Columns));
        var (dweight, dbias, partial) = (m.Output<float>(Columns), m.Output<float>(Columns), m.Output<float>(2L * LayerNorm.Parts(rows) * Columns));
        kernel.Forward(m.Stream, y, statistics, default, x, default, weight, weight, 1e-6, rows, Columns);
        return () => kernel.Backward(m.Stream, new(dx, false, dweight, false, dbias, false), partial, dy, x, weight, statistics, rows, Columns);
    }
}
