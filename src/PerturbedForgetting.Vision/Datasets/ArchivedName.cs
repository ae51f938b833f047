namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Names of files that containers tell, which may be anything.</summary>
static class ArchivedName
{
    /// <summary>What an image is called in its class: without its file's ending, and without the folder of the class.</summary>
    /// <param name="className">Name of the class.</param>
    /// <param name="name">The name that was told.</param>
    /// <returns>None where it is no path below a folder.</returns>
    public static string? Below(string className, string name)
    {
        string[] parts = name.Replace('\\', '/').Split('/');
        if (parts.Length > 1 && parts[0] == className)
            parts = parts[1..];
        parts[^1] = Path.GetFileNameWithoutExtension(parts[^1]);
        return Array.TrueForAll(parts, static p => p.Length > 0 && p is not ("." or "..") && !p.Any(char.IsControl) && !p.Contains(':'))
            ? string.Join('/', parts)
            : null;
    }
}
