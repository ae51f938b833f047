namespace PerturbedForgetting.Tests;

/// <summary>The source tree in which the tests were built.</summary>
static class SourceTree
{
    /// <summary>Its folder.</summary>
    public static string Root { get; } = Find(TestContext.CurrentContext.TestDirectory);

    /// <summary>Text of a page of <c>docs</c>, lines ended by line feeds alone.</summary>
    public static string Page(string name) => File.ReadAllText(Path.Combine(Root, "docs", name)).ReplaceLineEndings("\n");

    static string Find(string folder) => File.Exists(Path.Combine(folder, "PerturbedForgetting.sln"))
        ? folder
        : Find(Path.GetDirectoryName(folder) ?? throw new AssertionException("the tests do not lie in the source tree"));
}
