namespace PerturbedForgetting.Training.Runs;

/// <summary>A folder is not that of a run, or what it holds cannot be read. The message names the file and the defect.</summary>
public sealed class RunException : FormatException
{
    /// <summary>Creates the exception for a file or folder with the defect in words.</summary>
    public RunException(string path, string defect, Exception? inner = null)
        : base($"'{path}': {defect}", inner) => Path = path;

    /// <summary>The file or folder.</summary>
    public string Path { get; }
}
