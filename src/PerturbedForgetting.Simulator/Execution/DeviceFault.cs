namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What a kernel did wrong.</summary>
public enum FaultKind
{
    OutOfBounds,
    Misaligned,
    UseAfterFree,
    Uninitialized,
    SharedRace,
    /// <summary>Two threads of a launch touch one place of global memory, one of them writing, and nothing orders the two.</summary>
    GlobalRace,
    /// <summary>ld.global.nc of what the same launch writes.</summary>
    ReadOnlyRace,
    /// <summary>A result depends on the order in which threads arrive.</summary>
    ArrivalOrder,
    /// <summary>The host changed or freed memory that a copy still used.</summary>
    HostRace,
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
    /// <summary>Devices that work together did not make the same calls.</summary>
    CollectiveMismatch,
}

/// <summary>An error of a kernel or copy on the software GPU. The message names kernel, PTX line, source line, block, thread and
/// address.</summary>
public sealed class DeviceFault(FaultKind kind, string message) : Exception(message)
{
    /// <summary>What was wrong.</summary>
    public FaultKind Kind { get; } = kind;
}
