namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A safetensors file is malformed, damaged, or not what the caller asked for. The message names file and defect.</summary>
public sealed class SafetensorsException : FormatException
{
    /// <summary>Creates the exception for <paramref name="path"/> with the defect in words.</summary>
    public SafetensorsException(string path, string defect, Exception? inner = null)
        : base($"'{path}': {defect}", inner)
    {
        Path = path;
    }

    /// <summary>The file.</summary>
    public string Path { get; }
}
