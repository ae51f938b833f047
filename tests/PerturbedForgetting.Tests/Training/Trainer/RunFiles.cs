using System.Text.Json.Nodes;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Checkpoints;

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

    /// <summary>Compares the last weights of two runs, bit for bit.</summary>
    public static void AssertSameWeights(string expected, string actual)
    {
        using SafetensorsFile a = Open(expected), b = Open(actual);
        Assert.That(b.Names, Is.EqualTo(a.Names));
        foreach (string name in a.Names)
        {
            byte[] x = new byte[a.Entry(name).ByteLength], y = new byte[b.Entry(name).ByteLength];
            a.Entry(name).Read(x);
            b.Entry(name).Read(y);
            Assert.That(y.AsSpan().SequenceEqual(x), name);
        }

        static SafetensorsFile Open(string folder) => SafetensorsFile.Open(Path.Combine(folder, "last" + CheckpointFiles.Extension));
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
