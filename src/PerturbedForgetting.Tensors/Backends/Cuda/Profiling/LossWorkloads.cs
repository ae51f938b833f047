namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Workloads of <c>kernels/loss</c>: loss and gradient of a batch of ImageNet.</summary>
sealed class LossWorkloads(int side)
{
    const int Classes = 1000;

    readonly int samples = 128 * side * side;

    long Count => (long)samples * Classes;

    public IEnumerable<KernelWorkload> All =>
    [
        Loss("cross_entropy", (b, x, labels, loss, g) => b.CrossEntropy(x, labels, 0.1, loss, g)),
        Loss("binary_cross_entropy", (b, x, labels, loss, g) => b.BinaryCrossEntropy(x, labels, 0.1, 1.0 / Count, loss, g)),
        Loss("output_bias_forget", (b, x, labels, loss, g) => b.OutputBiasForget(x, labels, 10, 1, true, loss, g)),
        new("label_rank", "loss", $"[{samples}, {Classes}]", Count, 4, 4.0 / Classes, m =>
        {
            var (rank, logits, labels) = (m.Output(DType.Int32, samples), m.Floats(samples, Classes), m.Labels(samples, Classes));
            return () => m.Backend.LabelRank(logits, labels, rank);
        }),
    ];

    KernelWorkload Loss(string kernel, Action<Backend, Tensor, Tensor, Tensor, Tensor> run) => new(kernel, "loss", $"[{samples}, {Classes}]", Count, 4, 4, m =>
    {
        var (loss, gradient, logits, labels) = (m.Output(1), m.Output(samples, Classes), m.Floats(samples, Classes), m.Labels(samples, Classes));
        return () => run(m.Backend, logits, labels, loss, gradient);
    });
}
