namespace PerturbedForgetting.Vision.Models;

/// <summary>A weight file does not fit the model. The message names the file, the tensors and what to do.</summary>
/// <param name="path">The file.</param>
/// <param name="defect">What does not fit and what to do.</param>
public sealed class PretrainedException(string path, string defect) : Exception($"'{path}': {defect}")
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}
