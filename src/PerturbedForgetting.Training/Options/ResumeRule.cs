using System.Text.Json.Nodes;

namespace PerturbedForgetting.Training.Options;

/// <summary>What a resume does with an option whose value is another than the checkpoint's.</summary>
sealed record ResumeRule
{
    const string FromTheNextUpdate = "from the next update on";

    ResumeRule()
    {
    }

    /// <summary>What using the new value means.</summary>
    public string Effect { get; private init; } = FromTheNextUpdate;

    /// <summary>Why it cannot change, from the old value and the new one; null where it can.</summary>
    public Func<JsonNode?, JsonNode?, string?> Refusal { get; private init; } = static (_, _) => null;

    /// <summary>Whether the rest of an epoch, or the gradient gathered so far, hangs on it, and it changes between epochs only.</summary>
    public bool IsOfAnEpoch { get; private init; }

    /// <summary>Whether it fits a machine or a start rather than a run, so that a checkpoint does not bring it along.</summary>
    public bool IsOfThisStart { get; private init; }

    /// <summary>Whether it says how a run is made and not what it computes, so that nobody asks whether it changed.</summary>
    public bool IsCompared { get; private init; } = true;

    /// <summary>The new value is used.</summary>
    public static ResumeRule Used(string effect = FromTheNextUpdate) => new() { Effect = effect };

    /// <summary>The old value must stay.</summary>
    public static ResumeRule Refused(string reason) => new() { Refusal = (_, _) => reason };

    /// <summary>The old value must stay where there is a reason.</summary>
    public static ResumeRule RefusedWhere(Func<JsonNode?, JsonNode?, string?> reason) => new() { Refusal = reason };

    /// <summary>The new value is used where the checkpoint lies at the end of an epoch.</summary>
    public static ResumeRule BetweenEpochs(string effect = FromTheNextUpdate) => new() { Effect = effect, IsOfAnEpoch = true };

    /// <summary>The value of this start is used, given or not.</summary>
    public static ResumeRule OfThisStart { get; } = new() { IsOfThisStart = true };

    /// <summary>The value of this start is used, given or not, and nothing is said.</summary>
    public static ResumeRule OfThisStartUnsaid { get; } = new() { IsOfThisStart = true, IsCompared = false };
}
