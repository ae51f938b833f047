namespace PerturbedForgetting.Vision.Datasets;

static class TextFile
{
    /// <summary>All lines of a file that an option names.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static string[] ReadLines(string path, string option)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{option}: {e.Message}", wrongOption: true);
        }
    }
}
