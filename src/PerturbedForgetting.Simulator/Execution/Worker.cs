namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A thread of the host that executes blocks, with its own counters and look-up caches.</summary>
sealed partial class Worker
{
}
