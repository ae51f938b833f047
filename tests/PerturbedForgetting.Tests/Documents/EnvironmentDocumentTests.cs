using System.Text;
using System.Text.RegularExpressions;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests.Documents;

/// <summary><c>docs/environment.md</c> lists the environment variables that there are.</summary>
sealed partial class EnvironmentDocumentTests
{
    static readonly string[] folders = ["src", "tests", "tools", "docs"], extensions = [".cs", ".md", ".py", ".sh", ".ps1", ".yml"];

    static string Document()
    {
        var text = new StringBuilder("""
            # Environment variables

            None needs to be set. How the libraries are looked for without them, and what is done without each, is in [gpu.md](gpu.md);
            `perturbed-forgetting devices --verbose` shows where each was found.

            This page is written by the test `EnvironmentDocumentTests` from the table in `EnvironmentVariables.cs`; do not edit it.

            | variable | values | not set | what for |
            |---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (EnvironmentVariable variable in EnvironmentVariables.All)
            text.Append($"| `{variable.Name}` | {variable.Values} | {variable.Default} | {variable.Purpose} |\n");
        return text.ToString();
    }

    [Test]
    public void ListsWhatIsRead()
    {
        string expected = Document(), written = Path.Combine(TestContext.CurrentContext.WorkDirectory, "environment.md");
        File.WriteAllText(written, expected);
        string page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "environment.md")).ReplaceLineEndings("\n");
        Assert.That(page, Is.EqualTo(expected), $"copy {written} to docs");
    }

    [Test]
    public void NothingElseIsNamedInTheSources()
    {
        HashSet<string> known = [.. EnvironmentVariables.All.Select(static variable => variable.Name)];
        Assert.That(known, Has.Count.EqualTo(EnvironmentVariables.All.Count));
        foreach (string folder in folders)
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(SourceTree.Root, folder), "*", SearchOption.AllDirectories))
            {
                if (!extensions.Contains(Path.GetExtension(file)))
                    continue;
                foreach (Match named in Variable().Matches(File.ReadAllText(file)))
                    Assert.That(known, Does.Contain(named.Value), file);
            }
        }
    }

    [GeneratedRegex("PERTURBED_FORGETTING_[A-Z_]*[A-Z]")]
    private static partial Regex Variable();
}
