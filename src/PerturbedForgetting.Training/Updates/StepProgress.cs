namespace PerturbedForgetting.Training.Updates;

/// <summary>Counters of a step, for checkpoints.</summary>
/// <param name="Updates">Updates of the run so far, skipped ones included: the number of the next one, on which the schedule
/// depends.</param>
/// <param name="OptimizerSteps">Updates that were made.</param>
/// <param name="Skipped">Updates left out because a gradient was not finite.</param>
/// <param name="NoiseCalls">Random directions drawn.</param>
/// <param name="IsWindowOpen">Whether gradients of some batches wait for the rest of their window.</param>
public readonly record struct StepProgress(long Updates, long OptimizerSteps, long Skipped, long NoiseCalls, bool IsWindowOpen);
