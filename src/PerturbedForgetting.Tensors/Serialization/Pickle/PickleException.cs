namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>A pickle is malformed, or would take more memory than its length warrants. The message names file, offset and defect.</summary>
/// <param name="name">The file, or where in it the pickle lies.</param>
/// <param name="offset">Bytes from the beginning of what was read as a pickle.</param>
/// <param name="defect">What is wrong, in words.</param>
public sealed class PickleException(string name, long offset, string defect)
    : WeightsException(name, $"the pickle cannot be read at byte {offset}: {defect}")
{
    /// <summary>Bytes from the beginning of what was read as a pickle.</summary>
    public long Offset { get; } = offset;
}
