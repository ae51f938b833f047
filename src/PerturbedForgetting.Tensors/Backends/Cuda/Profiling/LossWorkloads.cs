using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/loss</c>: loss and gradient of a batch of ImageNet.</summary>
static class LossWorkloads
{
    const int Samples = 128, Classes = 1000;
    const long Count = Samples * Classes;

    public static IEnumerable<KernelWorkload> All =>
    [
        new("cross_entropy", "loss", $"[{Samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new CrossEntropy(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(Samples));
            var (logits, labels) = (m.Floats(Count), m.Upload<int>([.. Enumerable.Range(0, Samples)]));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, labels, 0.1, Samples, Classes);
        }),
        new("binary_cross_entropy", "loss", $"[{Samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new BinaryCrossEntropy(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(Samples));
            var (logits, labels) = (m.Floats(Count), m.Upload<int>([.. Enumerable.Range(0, Samples)]));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, default, labels, 0.1, 1.0 / Count, Samples, Classes);
        }),
        new("output_bias_forget", "loss", $"[{Samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new OutputBiasForget(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(Samples));
            var (logits, labels) = (m.Floats(Count), m.Upload<int>([.. Enumerable.Range(0, Samples)]));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, labels, 10, 1, true, Samples, Classes);
        }),
        new("label_rank", "loss", $"[{Samples}, {Classes}]", Count, 4, 4.0 / Classes, m =>
        {
            var (kernel, rank, logits, labels) = (new LabelRank(m.Library), m.Output<int>(Samples), m.Floats(Count), m.Upload<int>([.. Enumerable.Range(0, Samples)]));
            return () => kernel.Launch(m.Stream, rank, logits, labels, Samples, Classes);
        }),
    ];
}
