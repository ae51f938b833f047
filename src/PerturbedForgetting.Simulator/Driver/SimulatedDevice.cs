using System.Globalization;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>A software GPU as the driver sees it. All devices of the process stand in one table, so that a device's number alone says
/// whose it is; each driver table shows only its own.</summary>
sealed class SimulatedDevice(SimulatedDriver driver, SimulatedDeviceOptions options)
{
    static readonly List<SimulatedDevice> devices = [];

    int holders;
    long operations;

    public SimulatedDriver Driver => driver;

    public SimulatedDeviceOptions Options => options;

    /// <summary>Calls that it refuses.</summary>
    public Refusals Refusals { get; } = new();

    /// <summary>The device's handle.</summary>
    public int Handle { get; private set; }

    public bool IsInitialized { get; set; }

    /// <summary>The driver was shut down: nothing works any more.</summary>
    public bool IsShutDown { get; private set; }

    /// <summary>The primary context; null while nobody holds it.</summary>
    public SimulatedContext? Context { get; private set; }

    public static SimulatedDevice Add(SimulatedDriver driver, SimulatedDeviceOptions options)
    {
        var device = new SimulatedDevice(driver, options) { Handle = devices.Count };
        devices.Add(device);
        return device;
    }

    public static SimulatedDevice Find(int handle)
    {
        if ((uint)handle >= (uint)devices.Count)
            throw new SimulatedError(CudaResult.InvalidDevice, $"{handle} is no device");
        SimulatedDevice device = devices[handle];
        if (device.IsShutDown)
            throw new SimulatedError(CudaResult.Deinitialized, "the software GPU was shut down");
        return device.IsInitialized ? device : throw new SimulatedError(CudaResult.NotInitialized, "cuInit was not called");
    }

    /// <summary>Whether it fell off the bus.</summary>
    public bool IsLost => options.LostAfterOperations < operations;

    /// <summary>Operations of streams that ran, or were to run when it was lost.</summary>
    public long Operations => operations;

    /// <summary>An operation is about to run.</summary>
    /// <exception cref="DeviceFault">It was one too many.</exception>
    public void CountOperation()
    {
        operations++;
        if (IsLost)
            throw new DeviceFault(FaultKind.DeviceLost,
                string.Create(CultureInfo.InvariantCulture,
                    $"The GPU was lost after {options.LostAfterOperations} operations (LostAfterOperations); what it was asked for did not "
                    + $"run."));
    }

    public SimulatedContext Retain()
    {
        if (IsLost)
            throw new SimulatedError(options.LostCode, "the GPU was lost; a new context does not bring it back");
        holders++;
        return Context ??= new SimulatedContext(this);
    }

    public void Release()
    {
        if (holders == 0)
            throw new SimulatedError(CudaResult.InvalidContext, "the primary context is held by nobody");
        if (--holders == 0)
            Reset();
    }

    public void ShutDown()
    {
        Reset();
        IsShutDown = true;
    }

    void Reset()
    {
        Context?.Destroy();
        Context = null;
    }
}
