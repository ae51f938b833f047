namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A block of threads while it runs: its warps, its shared memory, its barriers, its place in the grid.</summary>
sealed unsafe partial class Block
{
    public required Program Program { get; init; }
}
