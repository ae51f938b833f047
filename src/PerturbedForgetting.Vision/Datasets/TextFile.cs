namespace PerturbedForgetting.Vision.Datasets;

static class TextFile
{
    /// <summary>All lines of a file; <paramref name="what"/> says in messages what it is.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static string[] ReadLines(string path, string what)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        // An argument is wrong where a name is empty or holds what no name can hold.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DatasetException($"{what}: {e.Message}", wrongOption: true);
        }
    }
}
