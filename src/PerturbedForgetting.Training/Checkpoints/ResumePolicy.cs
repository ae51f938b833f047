using System.Text.Json.Nodes;

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
/// change is listed, and either used from the next update on or refused with the reason.
/// </summary>
public static class ResumePolicy
{
    const string Schedule = "the schedule is computed anew for the whole run and continues at the update that was reached";

    static readonly Dictionary<string, string> Refused = new()
    {
        ["model"] = "the weights are of another model; start a new run, with --pretrained to keep what fits",
        ["model-kwargs"] = "the weights are of a model with other arguments; start a new run",
        ["gp"] = "the head belongs to another pooling; start a new run",
        ["num-classes"] = "the head has another size; start a new run with --pretrained --pretrained-path, which makes a new head",
    };

    // The samples of the rest of the epoch, or the meaning of the gradient accumulated so far, hang on these.
    static readonly HashSet<string> WholeEpoch =
        ["dataset", "train-split", "labels", "class-order", "class-map", "batch-size", "grad-accum-steps", "seed", "bad-images"];

    static readonly Dictionary<string, string> Effects = new()
    {
        ["lr"] = Schedule,
        ["lr-base"] = Schedule,
        ["lr-base-size"] = Schedule,
        ["lr-base-scale"] = Schedule,
        ["min-lr"] = Schedule,
        ["warmup-lr"] = Schedule,
        ["warmup-epochs"] = Schedule,
        ["sched"] = Schedule,
        ["epochs"] = "warning, the schedule is computed anew for this number of epochs, so the learning rate jumps to the new curve",
        ["batch-size"] = "updates are counted anew from the epochs done, and the learning rate follows where it is derived from the batch",
        ["grad-accum-steps"] = "updates are counted anew from the epochs done, and the learning rate follows where it is derived from the batch",
        ["eval-metric"] = "the best epoch is chosen anew among all epochs done",
        ["snp-factor"] = "weights shrink toward the initial ones of this run's seed where the checkpoint holds none",
        ["pretrained"] = "without effect, because the weights come from the checkpoint",
        ["resize-pos-embed"] = "without effect, because the weights come from the checkpoint",
        ["pretrained-path"] = "without effect, because the weights come from the checkpoint",
        ["head-init-bias"] = "without effect, because the weights come from the checkpoint",
        ["momentum"] = "from the next update on; a momentum that was off starts from zero",
    };

    /// <summary>These say where and how a run is made, not what it computes.</summary>
    static readonly HashSet<string> NotCompared = ["resume", "start-epoch", "output", "experiment", "config"];

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
            if (NotCompared.Contains(name) || JsonNode.DeepEquals(before, after))
                continue;
            changes.Add(new ResumeChange(name, Text(before), Text(after), RefusalOf(name, before, after, withinEpoch), Effects.GetValueOrDefault(name, "from the next update on")));
        }
        return changes;
    }

    static string? RefusalOf(string name, JsonNode? before, JsonNode? after, bool withinEpoch)
    {
        // A number of classes that comes from the data is compared when the weights are read.
        if (name == "num-classes" && (before is null || after is null))
            return null;
        if (Refused.TryGetValue(name, out string? reason))
            return reason;
        if (name == "opt" && StateKind(before) != StateKind(after))
            return "the state of the optimiser is of another kind; start a new run with --pretrained, or stay with "
                + (StateKind(before) ? "adam and adamw" : "sgd and sgdw") + " and their sam_ and randsam_ forms";
        return withinEpoch && WholeEpoch.Contains(name)
            ? "the checkpoint lies within an epoch, whose remaining images hang on it; continue with the old value, or name an epoch with --start-epoch"
            : null;
    }

    static bool StateKind(JsonNode? opt) => opt?.GetValueKind() == System.Text.Json.JsonValueKind.String && opt.GetValue<string>().Contains("adam", StringComparison.Ordinal);

    static string Text(JsonNode? value) => value?.ToJsonString() ?? "none";
}
