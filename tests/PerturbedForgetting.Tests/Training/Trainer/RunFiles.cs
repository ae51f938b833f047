using System.Text.Json.Nodes;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What a run leaves in its folder, without the times it took.</summary>
static class RunFiles
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
            : name == "results.json" ? File.ReadAllText(path)
            : name == "args.json" ? Options(path)
            : "";
    }

    /// <summary>The options without the place where the run is.</summary>
    static string Options(string path)
    {
        var options = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        options.Remove("output");
        options.Remove("experiment");
        return options.ToJsonString();
    }
}
