namespace PerturbedForgetting.Tensors.Backends;

/// <summary>How a convolution's kernel moves over its input; the sizes come from the tensors.</summary>
/// <param name="Stride">Input pixels from one output pixel to the next.</param>
/// <param name="Padding">Zeros around the input, on both sides.</param>
/// <param name="Dilation">Input pixels from one tap of the kernel to the next; 1 is dense.</param>
/// <param name="Groups">Equal groups of channels that do not see each other.</param>
readonly record struct Conv2dGeometry(Size2d Stride, Size2d Padding, Size2d Dilation, int Groups);
