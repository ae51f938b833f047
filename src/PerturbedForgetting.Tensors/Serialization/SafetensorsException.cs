namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A safetensors file is malformed, damaged, or not what the caller asked for. The message names file and defect.</summary>
/// <param name="path">The file.</param>
/// <param name="defect">What is wrong, in words.</param>
/// <param name="inner">What caused it.</param>
public sealed class SafetensorsException(string path, string defect, Exception? inner = null) : WeightsException(path, defect, inner);
