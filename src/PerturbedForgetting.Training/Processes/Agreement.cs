using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Something that must be the same in all processes of a run.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">What it is in this process.</param>
public sealed record Fact(string Name, string Value)
{
    /// <summary>Options, without those that each process may have its own of.</summary>
    public static IEnumerable<Fact> OfOptions(RunOptions options, OptionTable table) => table.Specs
        .Where(static s => !s.IsOfAProcess).Select(s => new Fact(s.Flag, s.Show(options)));

    /// <summary>A data set: its images by name, and their labels.</summary>
    /// <param name="name">What it is used for.</param>
    /// <param name="dataset">The set; the folder it lies in does not matter.</param>
    public static Fact OfData(string name, Dataset dataset)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(dataset.Classes.Hash));
        // Names cost an allocation each, and of millions some will do.
        int step = 1 + (dataset.Count / 200_000);
        for (int i = 0; i < dataset.Count; i++)
        {
            hash.AppendData(BitConverter.GetBytes(dataset.Label(i)));
            if (i % step == 0)
                hash.AppendData(Encoding.UTF8.GetBytes(dataset.ImageName(i) + "\n"));
        }
        string digest = Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        return new(name, string.Create(CultureInfo.InvariantCulture,
            $"{dataset.Count} images of {dataset.Classes.Count} classes, hash {digest}"));
    }

    /// <summary>A model: its parameters and statistics by name and shape.</summary>
    public static Fact OfModel(Module model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int count = 0;
        foreach (var (name, parameter) in model.NamedParameters())
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {parameter.Shape}\n"));
            count++;
        }
        string digest = Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        return new("model", string.Create(CultureInfo.InvariantCulture, $"{count} parameters, hash {digest}"));
    }
}

/// <summary>The processes of a run were not started alike. The message says who differs from the first, and in what.</summary>
public sealed class DisagreementException(string message) : Exception(message);

/// <summary>What all processes of a run must have in common before their first step.</summary>
public static class Agreement
{
    const int MostMembers = 8, MostFacts = 12;

    /// <summary>Compares facts over all processes; all of them call it.</summary>
    /// <exception cref="DisagreementException">Some differ; every process throws.</exception>
    public static void Require(World world, params IEnumerable<Fact> facts)
    {
        if (world.Size == 1)
            return;
        Fact[] own = [.. facts];
        var all = world.Gather(JsonSerializer.SerializeToUtf8Bytes(own, FactJson.Default.FactArray)).Select(Read).ToArray();
        var first = all[0];
        List<string> lines = [];
        var others = Enumerable.Range(1, world.Size - 1).GroupBy(r => Difference(first, all[r]));
        foreach (var group in others.Where(static g => g.Key.Length > 0))
            lines.Add($"{Ranks([.. group])}: {group.Key}");
        if (lines.Count == 0)
            return;
        string more = lines.Count > MostMembers ? $"{Environment.NewLine}  …" : "";
        throw new DisagreementException("the processes were not started alike. "
            + string.Join(Environment.NewLine + "  ", lines.Take(MostMembers).Prepend("Other than rank 0 have")) + more);
    }

    /// <summary>Makes sure that all have the same images.</summary>
    /// <exception cref="DisagreementException">They have not.</exception>
    public static void RequireData(World world, params Dataset[] sets)
    {
        if (world.Size > 1)
            Require(world, sets.Select(static (set, i) => Fact.OfData(i == 0 ? "data" : "validation data", set)));
    }

    /// <summary>Makes sure that all have the same model.</summary>
    /// <exception cref="DisagreementException">They have not.</exception>
    public static void RequireModel(World world, Module model)
    {
        if (world.Size > 1)
            Require(world, Fact.OfModel(model));
    }

    static string Difference(Dictionary<string, string> first, Dictionary<string, string> other)
    {
        string[] differing =
        [
            .. first.Where(f => other.GetValueOrDefault(f.Key) != f.Value).Select(f => $"{f.Key} "
                + $"{(other.TryGetValue(f.Key, out string? value) ? Shown(value) : "missing")} (there {Shown(f.Value)})"),
            .. other.Keys.Except(first.Keys).Select(static k => $"{k} (there missing)"),
        ];
        return string.Join(", ", differing.Take(MostFacts)) + (differing.Length > MostFacts ? ", …" : "");
    }

    static string Shown(string value) => value.Length == 0 ? "\"\"" : value;

    static string Ranks(int[] ranks) => (ranks.Length == 1 ? "rank " : "ranks ")
        + string.Join(", ", ranks.Take(MostMembers).Select(static r => r.ToString(CultureInfo.InvariantCulture)))
        + (ranks.Length > MostMembers ? ", …" : "");

    static Dictionary<string, string> Read(byte[] message)
    {
        try
        {
            Dictionary<string, string> read = [];
            foreach (var fact in JsonSerializer.Deserialize(message, FactJson.Default.FactArray) ?? [])
                read[fact.Name] = fact.Value;
            return read;
        }
        // Another program, or another version of this one.
        catch (JsonException)
        {
            return new() { ["program"] = "another" };
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Fact[]))]
sealed partial class FactJson : JsonSerializerContext;
