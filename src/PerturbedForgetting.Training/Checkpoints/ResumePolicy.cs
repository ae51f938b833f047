using System.Text.Json.Nodes;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>An option whose value differs from the one the checkpoint was written with.</summary>
/// <param name="Name">Its name, without dashes.</param>
/// <param name="Old">Its value in the checkpoint, as JSON.</param>
/// <param name="New">Its value now.</param>
/// <param name="Refusal">Why it cannot change; none when the new value is used.</param>
/// <param name="Effect">What using the new value means.</param>
public sealed record ResumeChange(string Name, string Old, string New, string? Refusal, string Effect)
{
    /// <summary>For example <c>--lr: 0.1 -> 0.01 (used: the schedule is computed anew)</c>.</summary>
    public override string ToString() => $"--{Name}: {Old} -> {New} ({(Refusal is null ? "used: " + Effect : "refused: " + Refusal)})";
}

/// <summary>
/// What happens to each option that changed between a checkpoint and the run that continues from it. Nothing is ignored: every
/// change is listed, and either used from the next update on or refused with the reason, as its <see cref="OptionSpec"/> says.
/// </summary>
public static class ResumePolicy
{
    static readonly string WithinAnEpoch = "the checkpoint lies within an epoch, whose remaining images hang on it; "
        + $"continue with the old value, or name an epoch with {TrainOptions.StartEpochOption}";

    /// <summary>Lists every option that differs, in the order of the new options.</summary>
    /// <param name="old">Options of the checkpoint, by name.</param>
    /// <param name="now">Options of this run, by name.</param>
    /// <param name="withinEpoch">Whether the run continues in the middle of an epoch.</param>
    public static IReadOnlyList<ResumeChange> Compare(JsonObject old, JsonObject now, bool withinEpoch)
    {
        var changes = new List<ResumeChange>();
        foreach (string name in now.Select(p => p.Key).Concat(old.Select(p => p.Key)).Distinct(StringComparer.Ordinal))
        {
            var before = old[name];
            var after = now[name];
            // An option that one side does not know is a change as well, unless it is empty there.
            var rule = OptionTables.Train.Find(name)?.Resume ?? ResumeRule.Used();
            if (!rule.IsCompared || JsonNode.DeepEquals(before, after))
                continue;
            string? refusal = rule.Refusal(before, after) ?? (withinEpoch && rule.IsOfAnEpoch ? WithinAnEpoch : null);
            changes.Add(new ResumeChange(name, Text(before), Text(after), refusal, rule.Effect));
        }
        return changes;
    }

    static string Text(JsonNode? value) => value?.ToJsonString() ?? "none";
}
