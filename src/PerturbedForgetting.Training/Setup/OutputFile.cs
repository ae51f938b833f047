using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Files that a command writes in the end, perhaps after hours.</summary>
static class OutputFile
{
    /// <summary>Refuses a path at which no file can be written, before any work is done.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="path">The path; null where no file is wanted.</param>
    /// <exception cref="OptionException">None can be written there.</exception>
    public static void Require(OptionSpec option, string? path)
    {
        if (path is null)
            return;
        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path))
            throw Wrong("it is a folder; name a file.");
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            bool isNew = !File.Exists(path);
            File.Open(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite).Dispose();
            if (isNew)
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Wrong(e.Message);
        }

        OptionException Wrong(string why) => new(new OptionProblem(option.Flag, $"cannot write '{path}': {why}"));
    }
}
