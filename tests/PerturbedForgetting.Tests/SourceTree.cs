using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tests;

/// <summary>The sources that the tests were built from, and the .NET that runs them.</summary>
static class SourceTree
{
    /// <summary>The repository's folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The program that runs this process's version of .NET: it lies three folders above the runtime's own.</summary>
    public static string Dotnet { get; } = Path.GetFullPath(
        Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    /// <summary>Text of a page of <c>docs</c>, lines ended by line feeds alone.</summary>
    public static string Page(string name) => File.ReadAllText(Path.Combine(Root, "docs", name)).ReplaceLineEndings("\n");

    static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "PerturbedForgetting.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new AssertionException("the tests do not lie in the source tree");
        return folder;
    }
}
