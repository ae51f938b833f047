namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>A checkpoint is missing, damaged, or not the kind that was asked for. The message names the file, the defect and what to
/// do.</summary>
public sealed class CheckpointException : FormatException
{
    /// <summary>Creates the exception for a file with the defect in words.</summary>
    public CheckpointException(string path, string defect, Exception? inner = null)
        : base($"'{path}': {defect}", inner) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Whether nothing is wrong with it but that another process is using it.</summary>
    internal bool IsInUse { get; init; }
}
