using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Softmax cross entropy with smoothing, loss and gradient; kernels/loss/cross_entropy.cu.</summary>
sealed class CrossEntropy(KernelLibrary library)
{
    readonly RowKernel kernel = new(library, "cross_entropy", keepsRow: true);

    /// <summary>A loss a sample, and their mean.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="loss">float32[1].</param>
    /// <param name="gradient">float32[samples, classes], or null.</param>
    /// <param name="values">float64[samples], scratch.</param>
    /// <param name="logits">float32[samples, classes].</param>
    /// <param name="labels">int32[samples].</param>
    /// <param name="smoothing">Weight of the uniform target.</param>
    /// <param name="samples">At least 1.</param>
    /// <param name="classes">Number of classes.</param>
    public void Launch(CudaStream stream, DevicePointer loss, DevicePointer gradient, DevicePointer values, DevicePointer logits, DevicePointer labels,
        double smoothing, long samples, int classes)
    {
        double factor = 1.0 / samples;
        kernel.Launch(stream.Moving((gradient.IsNull ? 4 : 8) * samples * classes), samples, classes, loss, values, gradient, logits, labels, smoothing, factor, classes);
    }
}
