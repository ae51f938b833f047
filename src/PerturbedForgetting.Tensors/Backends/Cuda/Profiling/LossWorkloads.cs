using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/loss</c>: loss and gradient of a batch of ImageNet.</summary>
sealed class LossWorkloads(int side)
{
    const int Classes = 1000;

    readonly int samples = 128 * side * side;

    long Count => (long)samples * Classes;

    public IEnumerable<KernelWorkload> All =>
    [
        new("cross_entropy", "loss", $"[{samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new CrossEntropy(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(samples));
            var (logits, labels) = (m.Floats(Count), m.Labels(samples, Classes));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, labels, 0.1, samples, Classes);
        }),
        new("binary_cross_entropy", "loss", $"[{samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new BinaryCrossEntropy(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(samples));
            var (logits, labels) = (m.Floats(Count), m.Labels(samples, Classes));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, default, labels, 0.1, 1.0 / Count, samples, Classes);
        }),
        new("output_bias_forget", "loss", $"[{samples}, {Classes}]", Count, 4, 4, m =>
        {
            var (kernel, loss, gradient, values) = (new OutputBiasForget(m.Library), m.Output<float>(1), m.Output<float>(Count), m.Output<double>(samples));
            var (logits, labels) = (m.Floats(Count), m.Labels(samples, Classes));
            return () => kernel.Launch(m.Stream, loss, gradient, values, logits, labels, 10, 1, true, samples, Classes);
        }),
        new("label_rank", "loss", $"[{samples}, {Classes}]", Count, 4, 4.0 / Classes, m =>
        {
            var (kernel, rank, logits, labels) = (new LabelRank(m.Library), m.Output<int>(samples), m.Floats(Count), m.Labels(samples, Classes));
            return () => kernel.Launch(m.Stream, rank, logits, labels, samples, Classes);
        }),
    ];
}
