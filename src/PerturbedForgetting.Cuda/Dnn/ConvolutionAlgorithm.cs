namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>How cuDNN computes one direction of a convolution.</summary>
/// <param name="Number">The algorithm's number among those of its direction.</param>
/// <param name="MathType">Which units multiply.</param>
/// <param name="IsDeterministic">Whether the result is the same in every run.</param>
/// <param name="WorkspaceBytes">Device memory that it needs beside its operands.</param>
public readonly record struct ConvolutionAlgorithm(int Number, CudnnMathType MathType, bool IsDeterministic, long WorkspaceBytes);
