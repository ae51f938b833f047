using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>A call that the simulated driver refuses: the code a real driver would return, and what it would not say.</summary>
class SimulatedError(CudaResult code, string text) : Exception(text)
{
    public CudaResult Code { get; } = code;

    public static SimulatedError InvalidValue(string text) => new(CudaResult.InvalidValue, text);

    public static SimulatedError InvalidHandle(string text) => new(CudaResult.InvalidHandle, text);

    /// <summary>The code with which a real device would end after a fault. What only this device notices counts as a failed launch; a
    /// device that is gone fails the launches that it had, too.</summary>
    public static CudaResult CodeOf(FaultKind kind) => kind switch
    {
        FaultKind.OutOfBounds or FaultKind.UseAfterFree => CudaResult.IllegalAddress,
        FaultKind.Misaligned => CudaResult.MisalignedAddress,
        FaultKind.Timeout => CudaResult.LaunchTimeout,
        FaultKind.Assert => CudaResult.Assert,
        _ => CudaResult.LaunchFailed,
    };
}
