using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>
/// kernels/loss/cross_entropy.cu, binary_cross_entropy.cu, output_bias_forget.cu: each sample leaves a value, float64; the block
/// that arrives last puts these together.
/// </remarks>
sealed partial class CudaBackend
{
    RowKernel CrossEntropyKernel => field ??= new(library, "cross_entropy", keepsRow: true);

    RowKernel BinaryCrossEntropyKernel => field ??= new(library, "binary_cross_entropy", keepsRow: false);

    RowKernel OutputBiasForgetKernel => field ??= new(library, "output_bias_forget", keepsRow: true);

    public override void CrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? gradient)
    {
        var (samples, classes) = SamplesOf(logits);
        using Scratch values = Doubles(samples);
        CrossEntropyKernel.Launch(Moving([logits, labels], [loss, gradient]), samples, classes,
            Dense(loss), values.Pointer, DenseOrNull(gradient), Dense(logits), Pointer(labels),
            smoothing, 1.0 / samples, samples, classes);
    }

    public override void BinaryCrossEntropy(Tensor logits, Tensor target, double smoothing, double factor, Tensor loss, Tensor? gradient)
    {
        var (samples, classes) = SamplesOf(logits);
        using Scratch values = Doubles(samples);
        bool isDense = target.DType.IsFloating();
        BinaryCrossEntropyKernel.Launch(Moving([logits, target], [loss, gradient]), samples, classes,
            Dense(loss), values.Pointer, DenseOrNull(gradient), Dense(logits),
            isDense ? Dense(target) : default, isDense ? default : Pointer(target), smoothing, factor, samples, classes);
    }

    public override void OutputBiasForget(Tensor logits, Tensor labels, double c, double gamma, bool sigmoid, Tensor loss, Tensor? gradient)
    {
        var (samples, classes) = SamplesOf(logits);
        using Scratch values = Doubles(samples);
        OutputBiasForgetKernel.Launch(Moving([logits, labels], [loss, gradient]), samples, classes,
            Dense(loss), values.Pointer, DenseOrNull(gradient), Dense(logits), Pointer(labels),
            c, gamma, sigmoid ? 1 : 0, 1.0 / samples, samples, classes);
    }

    /// <summary>Samples and classes of logits.</summary>
    static (int Samples, int Classes) SamplesOf(Tensor logits)
    {
        var (samples, classes) = RowsOf(logits);
        return (Shape.Extent(samples, "samples"), classes);
    }
}
