namespace PerturbedForgetting.Tensors.Nn;

/// <summary><see cref="Ops.MaxPool2d"/> as a module.</summary>
/// <param name="kernelSize">Extent of the window.</param>
/// <param name="stride">Pixels between windows; the kernel's extent where none is given.</param>
/// <param name="padding">How far windows reach over each border.</param>
/// <param name="ceilMode">Whether a last, incomplete window counts.</param>
public sealed class MaxPool2d(Size2d kernelSize, Size2d? stride = null, Size2d padding = default, bool ceilMode = false) : Module
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Report(Ops.MaxPool2d(x, kernelSize, stride, padding, ceilMode));
}

/// <summary><see cref="Ops.AvgPool2d"/> as a module.</summary>
/// <param name="kernelSize">Extent of the window.</param>
/// <param name="stride">Pixels between windows; the kernel's extent where none is given.</param>
/// <param name="padding">How far windows reach over each border.</param>
/// <param name="ceilMode">Whether a last, incomplete window counts.</param>
/// <param name="countIncludePad">Whether the padding counts as zeros in the mean.</param>
public sealed class AvgPool2d(Size2d kernelSize, Size2d? stride = null, Size2d padding = default, bool ceilMode = false,
    bool countIncludePad = true) : Module
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Report(Ops.AvgPool2d(x, kernelSize, stride, padding, ceilMode, countIncludePad));
}
