namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.CrossEntropy CrossEntropyKernels => field ??= new(library);

    Kernels.BinaryCrossEntropy BinaryCrossEntropyKernels => field ??= new(library);

    Kernels.OutputBiasForget OutputBiasForgetKernels => field ??= new(library);

    public override unsafe long FirstOutOfRange(Tensor labels, int classes)
    {
        using var index = new Scratch(workplace.Allocator, 1, DType.Int64);
        LabelRanks.LaunchFirstOutOfRange(stream, index.Pointer, Pointer(labels), classes, labels.Count);
        long found;
        stream.Download(&found, index.Pointer, sizeof(long));
        stream.Synchronize();
        return found;
    }

    public override void CrossEntropy(Tensor logits, Tensor labels, double smoothing, Tensor loss, Tensor? gradient)
    {
        using Scratch values = Doubles(logits.Shape[0]);
        CrossEntropyKernels.Launch(stream, Dense(loss), DenseOrNull(gradient), values.Pointer, Dense(logits), Pointer(labels), smoothing, logits.Shape[0], logits.Shape[1]);
    }

    public override void BinaryCrossEntropy(Tensor logits, Tensor target, double smoothing, double factor, Tensor loss, Tensor? gradient)
    {
        using Scratch values = Doubles(logits.Shape[0]);
        bool isDense = target.DType.IsFloating();
        BinaryCrossEntropyKernels.Launch(stream, Dense(loss), DenseOrNull(gradient), values.Pointer, Dense(logits), isDense ? Dense(target) : default,
            isDense ? default : Pointer(target), smoothing, factor, logits.Shape[0], logits.Shape[1]);
    }

    public override void OutputBiasForget(Tensor logits, Tensor labels, double c, double gamma, bool sigmoid, Tensor loss, Tensor? gradient)
    {
        using Scratch values = Doubles(logits.Shape[0]);
        OutputBiasForgetKernels.Launch(stream, Dense(loss), DenseOrNull(gradient), values.Pointer, Dense(logits), Pointer(labels), c, gamma, sigmoid, logits.Shape[0], logits.Shape[1]);
    }
}
