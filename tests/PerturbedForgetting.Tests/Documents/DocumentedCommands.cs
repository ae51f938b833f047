using System.Text.RegularExpressions;

namespace PerturbedForgetting.Tests.Documents;

/// <summary>The commands that the documents show: in fenced blocks and between backquotes.</summary>
static partial class DocumentedCommands
{
    static readonly string[] programs = ["dotnet", "perturbed-forgetting", "bash", "tools/", "./", "tar", "cmake", "pip", "nsys"];

    /// <summary>Every command once, each with the page it is on, as one line without comments.</summary>
    public static IReadOnlyList<(string Page, string Command)> All { get; } =
        [.. Pages().SelectMany(page => Of(File.ReadAllText(page)).Select(c => (Path.GetFileName(page), c))).DistinctBy(c => c.Item2)];

    /// <summary>A command's words; quotes are taken off.</summary>
    public static string[] Words(string command) => [.. Word().Matches(command).Select(m => m.Value.Trim('\'', '"'))];

    static IEnumerable<string> Pages() => Directory.GetFiles(SourceTree.Root, "*.md")
        .Concat(Directory.GetFiles(Path.Combine(SourceTree.Root, "docs"), "*.md")).Order(StringComparer.Ordinal);

    static IEnumerable<string> Of(string page)
    {
        page = page.ReplaceLineEndings("\n");
        foreach (Match block in Block().Matches(page).Where(b => b.Groups["language"].Value is "" or "bash" or "sh"))
            foreach (string line in block.Groups["text"].Value.Replace("\\\n", " ").Split('\n'))
                foreach (string command in line.Split(" #")[0].Split(" && "))
                    if (IsCommand(command))
                        yield return Spaces().Replace(command, " ").Trim();
        foreach (Match inline in Inline().Matches(Block().Replace(page, "")))
            if (inline.Groups["text"].Value.Contains(' ') && IsCommand(inline.Groups["text"].Value))
                yield return Spaces().Replace(inline.Groups["text"].Value, " ").Trim();
    }

    static bool IsCommand(string text)
    {
        string first = text.TrimStart().Split(' ')[0];
        return programs.Any(p => first == p || (p[^1] == '/' && first.StartsWith(p, StringComparison.Ordinal) && first.Contains(".sh")));
    }

    [GeneratedRegex(@"^ *```(?<language>\w*)\n(?<text>.*?)^ *```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("(?<!`)`(?<text>[^`]+)`(?!`)")]
    private static partial Regex Inline();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"'[^']*'|""[^""]*""|\S+")]
    private static partial Regex Word();
}
