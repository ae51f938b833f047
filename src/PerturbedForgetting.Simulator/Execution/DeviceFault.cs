namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What a kernel did wrong.</summary>
public enum FaultKind
{
    OutOfBounds,
    Misaligned,
    UseAfterFree,
    Uninitialized,
    SharedRace,
    WriteConflict,
    DivergentBarrier,
    BarrierDeadlock,
    WrongShuffle,
    UnorderedStreams,
    Trap,
    Assert,
    Timeout,
    Launch,
    DeviceLost,
}

/// <summary>An error of a kernel or copy on the software GPU. The message names kernel, PTX line, source line, block, thread and
/// address.</summary>
public sealed class DeviceFault(FaultKind kind, string message) : Exception(message)
{
    /// <summary>What was wrong.</summary>
    public FaultKind Kind { get; } = kind;
}
