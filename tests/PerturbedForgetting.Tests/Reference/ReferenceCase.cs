using System.Text.Json;

namespace PerturbedForgetting.Tests.Reference;

/// <summary>One case of the manifest. <see cref="ToString"/> is its id, so that it names the test.</summary>
sealed class ReferenceCase
{
    internal ReferenceCase(JsonElement json)
    {
        Json = json;
    }

    /// <summary>The whole entry, for what has no property here.</summary>
    public JsonElement Json { get; }

    public string Id => Text("id");

    public string Group => Text("group");

    public string Op => Text("op");

    /// <summary>The file of the case's tensors or numbers, relative to the folder of the reference.</summary>
    public string File => Json.TryGetProperty("tensors_file", out JsonElement file) ? file.GetString()! : Text("file");

    public JsonElement Config => Json.GetProperty("config");

    /// <summary>Tensor names by role; empty when the case has none.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; private init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, ReferenceOutput> Outputs { get; private init; } = new Dictionary<string, ReferenceOutput>();

    /// <summary>Name of the upstream gradient's tensor; <c>one</c> for scalar losses; null when there is no backward.</summary>
    public string? Upstream => Json.TryGetProperty("upstream", out JsonElement value) ? value.GetString() : null;

    /// <summary>Loads the input of this role.</summary>
    public ReferenceTensor<float> Input(string role) => ReferenceData.Float32(File, Inputs[role]);

    /// <summary>Loads the expected values of this result, with the permitted deviation.</summary>
    public (ReferenceTensor<float> Expected, double Atol) Output(string name) =>
        (ReferenceData.Float32(File, Outputs[name].Tensor), Outputs[name].Atol);

    /// <summary>A number of the configuration, or the fallback when it is absent or null.</summary>
    public double Number(string key, double fallback) =>
        Config.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : fallback;

    /// <summary>A switch of the configuration, or the fallback when it is absent or null.</summary>
    public bool Flag(string key, bool fallback) =>
        Config.TryGetProperty(key, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? value.GetBoolean()
        : fallback;

    public override string ToString() => Id;

    internal static ReferenceCase Create(JsonElement json) => new(json)
    {
        Inputs = json.TryGetProperty("inputs", out JsonElement inputs) && inputs.ValueKind == JsonValueKind.Object
            ? inputs.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!)
            : new Dictionary<string, string>(),
        Outputs = json.TryGetProperty("outputs", out JsonElement outputs)
            ? outputs.EnumerateObject().ToDictionary(p => p.Name, p => ReadOutput(p.Value))
            : new Dictionary<string, ReferenceOutput>(),
    };

    static ReferenceOutput ReadOutput(JsonElement json) => new(
        json.TryGetProperty("tensor", out JsonElement tensor) ? tensor.GetString()! : "",
        json.TryGetProperty("tensor_prefix", out JsonElement prefix) ? prefix.GetString()! : "",
        json.TryGetProperty("f64_max_abs", out JsonElement max) ? max.GetDouble() : double.NaN,
        // Entries without a tolerance are marked exact.
        json.TryGetProperty("atol", out JsonElement atol) ? atol.GetDouble() : 0);

    string Text(string key) => Json.TryGetProperty(key, out JsonElement value) ? value.GetString()! : "";
}
