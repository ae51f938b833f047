namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/nn</c>: the activations of ViT-S for a few images.</summary>
sealed class NnWorkloads(int side)
{
    const int Columns = 384;

    readonly int rows = 512 * side * side;

    long Count => (long)rows * Columns;

    public IEnumerable<KernelWorkload> All =>
    [
        .. new[] { Unary.Relu, Unary.Sigmoid, Unary.Gelu }.SelectMany(f => new[]
        {
            Map(f.Kernel, 1, (b, x, _, y) => b.Map(f, x, y)),
            Map(f.Backward.Kernel, 2, (b, dy, saved, dx) => b.Map(f.Backward, dy, saved, dx)),
        }),
        new("dropout", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (y, x) = (m.Output(rows, Columns), m.Floats(rows, Columns));
            return () => m.Backend.Dropout(x, 0.1, new(42, 0), y);
        }),
        new("add_broadcast", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (y, x, b) = (m.Output(rows, Columns), m.Floats(rows, Columns), m.Floats(Columns));
            return () => m.Backend.AddBroadcast(x, b, y);
        }),
        new("sum_leading", "nn", $"[{rows}, {Columns}]", Count, 4, 0, m =>
        {
            var (y, x) = (m.Output(Columns), m.Floats(rows, Columns));
            return () => m.Backend.SumLeading(x, y, accumulate: false);
        }),
        new("softmax", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (y, x) = (m.Output(rows, Columns), m.Floats(rows, Columns));
            return () => m.Backend.Softmax(x, y);
        }),
        new("layer_norm", "nn", $"[{rows}, {Columns}]", Count, 4, 4, m => LayerNorm(m, backward: false)),
        new("layer_norm_backward", "nn", $"[{rows}, {Columns}]", Count, 8, 4, m => LayerNorm(m, backward: true)),
    ];

    KernelWorkload Map(string name, int inputs, Action<Backend, Tensor, Tensor, Tensor> launch) =>
        new(name, "nn", $"[{rows}, {Columns}]", Count, 4 * inputs, 4, m =>
        {
            var (y, a, b) = (m.Output(rows, Columns), m.Floats(rows, Columns), m.Floats(rows, Columns));
            return () => launch(m.Backend, a, b, y);
        });

    Action LayerNorm(WorkloadMemory m, bool backward)
    {
        var (y, statistics, x, weight, bias) = (m.Output(rows, Columns), m.Output(rows, 3), m.Floats(rows, Columns), m.Floats(Columns), m.Floats(Columns));
        var (dx, dy, dweight, dbias) = (m.Output(rows, Columns), m.Floats(rows, Columns), m.Output(Columns), m.Output(Columns));
        m.Backend.LayerNorm(x, weight, bias, 1e-6, y, statistics);
        return backward
            ? () => m.Backend.LayerNormBackward(dy, x, weight, statistics, new(dx, false, dweight, false, dbias, false))
            : () => m.Backend.LayerNorm(x, weight, bias, 1e-6, y, statistics);
    }
}
