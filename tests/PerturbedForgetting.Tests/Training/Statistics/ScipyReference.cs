using System.Text.Json;

namespace PerturbedForgetting.Tests.Training.Statistics;

/// <summary>What <c>make_reference.py</c> wrote.</summary>
static class ScipyReference
{
    static readonly Lazy<JsonElement> all = new(static () => JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Training", "Statistics", "scipy_reference.json"))).RootElement);

    /// <summary>The items of a part, each with its number.</summary>
    public static IEnumerable<TestCaseData> Cases(string part) =>
        all.Value.GetProperty(part).EnumerateArray().Select((item, i) => new TestCaseData(item).SetArgDisplayNames($"{part} {i}"));

    public static double[] Numbers(this JsonElement item, string name) =>
        [.. item.GetProperty(name).EnumerateArray().Select(static v => v.GetDouble())];

    public static double Number(this JsonElement item, string name) => item.GetProperty(name).GetDouble();
}
