using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Binary cross entropy with logits, loss and gradient; kernels/loss/binary_cross_entropy.cu.</summary>
sealed class BinaryCrossEntropy(KernelLibrary library)
{
    readonly RowKernel kernel = new(library, "binary_cross_entropy", keepsRow: false);

    /// <summary>A loss a sample, and their sum.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="loss">float32[1].</param>
    /// <param name="gradient">float32[samples, classes], or null.</param>
    /// <param name="values">float64[samples], scratch.</param>
    /// <param name="logits">float32[samples, classes].</param>
    /// <param name="dense">Targets, float32[samples, classes]; null with labels.</param>
    /// <param name="labels">int32[samples]; null with dense targets.</param>
    /// <param name="smoothing">Weight of the uniform target, with labels.</param>
    /// <param name="factor">Factor of the sum over all elements.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="classes">Number of classes.</param>
    public void Launch(CudaStream stream, DevicePointer loss, DevicePointer gradient, DevicePointer values, DevicePointer logits, DevicePointer dense, DevicePointer labels,
        double smoothing, double factor, long samples, int classes)
    {
        kernel.Launch(stream.Moving(((gradient.IsNull ? 4 : 8) + (dense.IsNull ? 0 : 4)) * samples * classes), samples, classes, loss, values, gradient, logits, dense, labels, smoothing, factor, classes);
    }
}
