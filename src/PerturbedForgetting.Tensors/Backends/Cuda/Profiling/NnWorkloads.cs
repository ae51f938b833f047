using PerturbedForgetting.Cuda;
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
        Map("relu", (k, s, y, x, _) => k.Relu(s, y, x, Count)),
        Map("relu_backward", (k, s, y, a, b) => k.ReluBackward(s, y, a, b, Count), inputs: 2),
        Map("sigmoid", (k, s, y, x, _) => k.Sigmoid(s, y, x, Count)),
        Map("sigmoid_backward", (k, s, y, a, b) => k.SigmoidBackward(s, y, a, b, Count), inputs: 2),
        Map("gelu", (k, s, y, x, _) => k.Gelu(s, y, x, Count)),
        Map("gelu_backward", (k, s, y, a, b) => k.GeluBackward(s, y, a, b, Count), inputs: 2),
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

    KernelWorkload Map(string name, Action<Activations, CudaStream, DevicePointer, DevicePointer, DevicePointer> launch, int inputs = 1) =>
        new(name, "nn", $"[{rows}, {Columns}]", Count, 4 * inputs, 4, m =>
        {
            var (kernel, y, a) = (new Activations(m.Library), m.Output<float>(Count), m.Floats(Count));
            DevicePointer b = inputs == 2 ? m.Floats(Count) : default;
            return () => launch(kernel, m.Stream, y, a, b);
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
