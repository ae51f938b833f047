using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What a run leaves in its folder, without the times it took.</summary>
static partial class RunFiles
{
    /// <summary>A line a file, sorted: its name, and what it holds. Two runs that did the same have the same lines.</summary>
    public static string[] Describe(string folder) =>
        [.. Directory.GetFiles(folder).Select(path => $"{Path.GetFileName(path)}: {Content(path)}").Order(StringComparer.Ordinal)];

    /// <summary>Copies the files as they are, but for the lock, which its owner holds.</summary>
    public static void Copy(string folder, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string path in Directory.GetFiles(folder).Where(p => Path.GetFileName(p) != ".run.lock"))
            File.Copy(path, Path.Combine(target, Path.GetFileName(path)));
    }

    static string Content(string path)
    {
        string name = Path.GetFileName(path);
        return name.EndsWith(".state.safetensors", StringComparison.Ordinal) ? ShortRun.Hash(path)
            : name.EndsWith(".safetensors", StringComparison.Ordinal) ? "model"
            : name == "summary.csv" ? string.Join('|', File.ReadLines(path).Select(row => string.Join(',', row.Split(',')[..10])))
            : name == "results.json" ? Times().Replace(File.ReadAllText(path), "")
            : name == "args.json" ? Sorted(path)
            : "";
    }

    /// <summary>The options without the place where the run is.</summary>
    static string Sorted(string path)
    {
        var options = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        options.Remove("output");
        options.Remove("experiment");
        return options.ToJsonString();
    }

    [GeneratedRegex("\"(seconds|images_per_second|peak_[a-z_]+|[a-z_]*seconds[a-z_]*)\": *[^,}\\s]+")]
    private static partial Regex Times();
}
