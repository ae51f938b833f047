using System.Text.RegularExpressions;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>What libraries say of themselves: <c>Open MPI v4.1.4, package: Debian OpenMPI, …</c>, or MPICH's table of many lines that
/// begins with <c>MPICH Version:⇥4.0.2</c>.</summary>
static partial class MpiVersionText
{
    /// <summary>The first line, with single blanks.</summary>
    public static string Line(string text) => Blanks().Replace(text.Split('\n')[0], " ").Trim();

    /// <summary>Name and version.</summary>
    public static string Name(string text)
    {
        string name = Line(text).Split(',')[0];
        name = Filling().Replace(name, " ").Trim();
        return name.Length > 0 ? name : "MPI";
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex(@"\s+(version\s*:\s*|v(?=\d))|\s+for \S+ OS$", RegexOptions.IgnoreCase)]
    private static partial Regex Filling();
}
