using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/nn</c>: the activations of ViT-S for a few images.</summary>
static class NnWorkloads
{
    const int Rows = 512, Columns = 384;
    const long Count = Rows * Columns;

    public static IEnumerable<KernelWorkload> All =>
    [
        Map("relu", (k, s, y, x, _) => k.Relu(s, y, x, Count)),
        Map("relu_backward", (k, s, y, a, b) => k.ReluBackward(s, y, a, b, Count), inputs: 2),
        Map("sigmoid", (k, s, y, x, _) => k.Sigmoid(s, y, x, Count)),
        Map("sigmoid_backward", (k, s, y, a, b) => k.SigmoidBackward(s, y, a, b, Count), inputs: 2),
        Map("gelu", (k, s, y, x, _) => k.Gelu(s, y, x, Count)),
        Map("gelu_backward", (k, s, y, a, b) => k.GeluBackward(s, y, a, b, Count), inputs: 2),
        new("dropout", "nn", $"[{Rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x) = (new Dropout(m.Library), m.Output<float>(Count), m.Floats(Count));
            return () => kernel.Launch(m.Stream, y, x, 0.1, 42, 0, default, Count);
        }),
        new("add_broadcast", "nn", $"[{Rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x, b) = (new Broadcast(m.Library), m.Output<float>(Count), m.Floats(Count), m.Floats(Columns));
            return () => kernel.Add(m.Stream, y, x, b, Columns, Count);
        }),
        new("sum_leading", "nn", $"[{Rows}, {Columns}]", Count, 4, 0, m =>
        {
            var (kernel, y, x, partial) = (new Broadcast(m.Library), m.Output<float>(Columns), m.Floats(Count), m.Output<float>(new ColumnParts(Rows, Columns).Count * Columns));
            return () => kernel.Sum(m.Stream, y, x, partial, Rows, Columns, accumulate: false);
        }),
        new("softmax", "nn", $"[{Rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, x) = (new Softmax(m.Library), m.Output<float>(Count), m.Floats(Count));
            return () => kernel.Forward(m.Stream, y, x, Rows, Columns, isLog: false);
        }),
        new("layer_norm", "nn", $"[{Rows}, {Columns}]", Count, 4, 4, m =>
        {
            var (kernel, y, statistics, x) = (new LayerNorm(m.Library), m.Output<float>(Count), m.Output<float>(3 * Rows), m.Floats(Count));
            var (weight, bias) = (m.Floats(Columns), m.Floats(Columns));
            return () => kernel.Forward(m.Stream, y, statistics, x, weight, bias, 1e-6, Rows, Columns);
        }),
        new("layer_norm_backward", "nn", $"[{Rows}, {Columns}]", Count, 8, 4, LayerNormBackward),
    ];

    static KernelWorkload Map(string name, Action<Activations, CudaStream, DevicePointer, DevicePointer, DevicePointer> launch, int inputs = 1) =>
        new(name, "nn", $"[{Rows}, {Columns}]", Count, 4 * inputs, 4, m =>
        {
            var (kernel, y, a) = (new Activations(m.Library), m.Output<float>(Count), m.Floats(Count));
            DevicePointer b = inputs == 2 ? m.Floats(Count) : default;
            return () => launch(kernel, m.Stream, y, a, b);
        });

    static Action LayerNormBackward(WorkloadMemory m)
    {
        var (kernel, dx, dy, x) = (new LayerNorm(m.Library), m.Output<float>(Count), m.Floats(Count), m.Floats(Count));
        var (y, statistics, weight) = (m.Output<float>(Count), m.Output<float>(3 * Rows), m.Floats(Columns));
        var (dweight, dbias, partial) = (m.Output<float>(Columns), m.Output<float>(Columns), m.Output<float>(2L * LayerNorm.Parts(Rows) * Columns));
        kernel.Forward(m.Stream, y, statistics, x, weight, weight, 1e-6, Rows, Columns);
        return () => kernel.Backward(m.Stream, dx, dweight, false, dbias, false, partial, dy, x, weight, statistics, Rows, Columns);
    }
}
