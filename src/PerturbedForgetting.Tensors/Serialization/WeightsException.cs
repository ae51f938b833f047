namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A file of weights is malformed, damaged, of a kind that is not read, or not what the caller asked for. The message names file
/// and defect.</summary>
public class WeightsException : FormatException
{
    /// <summary>Creates the exception for <paramref name="path"/> with the defect in words.</summary>
    public WeightsException(string path, string defect, Exception? inner = null)
        : base($"'{path}': {defect}", inner)
    {
        Path = path;
    }

    /// <summary>The file.</summary>
    public string Path { get; }
}
