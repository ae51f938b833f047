using System.Text;
using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Documents;

/// <summary><c>docs/checkpoints.md</c> says of every option what a resume does with a changed value.</summary>
sealed class ResumeDocumentTests
{
    static string Table()
    {
        var table = new StringBuilder("| option | a changed value is |\n|---|---|\n");
        foreach (var row in OptionTables.Train.Specs.GroupBy(Words).Where(r => r.Key != "used from the next update on"))
            table.Append($"| {string.Join(", ", row.Select(s => $"`{s.Flag}`"))} | {row.Key} |\n");
        return table.Append("| all others | used from the next update on |\n").ToString();
    }

    static string Words(OptionSpec spec)
    {
        var rule = spec.Resume;
        JsonNode?[] values = spec.Choices.Count > 0 ? [.. spec.Choices.Select(c => (JsonNode?)c)] : [1, 2];
        string?[] refusals = [.. values.SelectMany(_ => values, (a, b) => a == b ? "" : rule.Refusal(a, b)).Where(r => r != "")];
        string used = $"used{(rule.Effect.StartsWith("from", StringComparison.Ordinal) ? " " : ": ")}{rule.Effect}";
        return rule.IsOfThisStart ? "that of the new start, given or not"
            : rule.IsOfAnEpoch ? $"refused within an epoch (`--start-epoch N` begins one anew), else {used}"
            : refusals.All(r => r is null) ? used
            : refusals.All(r => r is not null) ? $"refused: {refusals[0]}"
            : $"used between {string.Join(" or ", Kinds(spec, values))}, else refused";
    }

    /// <summary>The values between which a change is used.</summary>
    static IEnumerable<string> Kinds(OptionSpec spec, JsonNode?[] values) =>
        values.GroupBy(v => Array.FindIndex(values, first => spec.Resume.Refusal(first, v) is null))
            .Select(k => string.Join(", ", k.Select(v => $"`{v}`")));

    [Test]
    public void SaysWhatAResumeDoes()
    {
        string table = Table();
        Assert.That(SourceTree.Page("checkpoints.md"), Does.Contain(table), $"the table in docs/checkpoints.md is not\n{table}");
    }
}
