using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Libraries;
using PerturbedForgetting.Simulator.Libraries.Nccl;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>
/// A CUDA driver with one software GPU behind it. Its table has the signatures of the real driver's and can stand wherever that one
/// can; what the checks find comes out of <see cref="CudaDriverApi.LastFinding"/>.
/// </summary>
public sealed unsafe partial class SimulatedDriver : IDisposable
{
    /// <summary>What stands where a real library has its path.</summary>
    internal const string Name = "software GPU";

    readonly Dictionary<string, Counters> counters = [];
    readonly SimulatedDevice device;

    // Held so that the pointers made of them stay valid.
    readonly InitFunction init;
    readonly NumberFunction version, count;
    readonly DeviceFunction get;
    readonly SimulatedCublas cublas;
    readonly SimulatedCublasLt cublasLt;
    readonly SimulatedCudnn cudnn;
    readonly SimulatedNccl nccl;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate CudaResult InitFunction(uint flags);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate CudaResult NumberFunction(int* number);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate CudaResult DeviceFunction(int* device, int ordinal);

    /// <summary>Makes a software GPU.</summary>
    /// <param name="options">What it is to look like; null for the usual.</param>
    public SimulatedDriver(SimulatedDeviceOptions? options = null)
    {
        Options = options ?? new SimulatedDeviceOptions();
        SimulatedDevice? made = null;
        Entry.Free(() => made = SimulatedDevice.Add(this, Options));
        device = made!;
        foreach (SimulatedRefusal refusal in Options.Refusals)
            Refuse(refusal);
        // These know no handle by which their driver could be found, so each driver has its own.
        init = Init;
        version = DriverGetVersion;
        count = DeviceGetCount;
        get = DeviceGet;
        Api = new()
        {
            Entries = Table(),
            Origin = Name,
            LastFinding = static () => Entry.Finding,
            LaunchTotals = Options.Executes ? Totals : null,
            IsCounting = !Options.Executes,
        };
        (cublas, cublasLt) = (new SimulatedCublas(Options.CublasVersion), new SimulatedCublasLt(Options.CublasLtVersion));
        cudnn = new SimulatedCudnn(Options.CudnnVersion, Options.CudnnCudaVersion);
        nccl = new SimulatedNccl(Options.NcclVersion);
    }

    /// <summary>What it looks like.</summary>
    public SimulatedDeviceOptions Options { get; }

    /// <summary>The table of entry points.</summary>
    public CudaDriverApi Api { get; }

    /// <summary>The table of its cuBLAS.</summary>
    public CublasApi Cublas => cublas.Api;

    /// <summary>The table of its cuBLASLt.</summary>
    public CublasLtApi CublasLt => cublasLt.Api;

    /// <summary>The table of its cuDNN.</summary>
    public CudnnApi Cudnn => cudnn.Api;

    /// <summary>The table of its NCCL.</summary>
    public NcclApi Nccl => nccl.Api;

    /// <summary>The libraries beside the driver, as real ones would be found on a machine.</summary>
    public CudaLibraries Libraries => new(Cublas, CublasLt, Cudnn, Nvtx.None) { Nccl = new(() => Nccl) };

    /// <summary>What the launches of each kernel did, by the kernel's name.</summary>
    public IReadOnlyDictionary<string, Counters> Counters => counters;

    /// <summary>Names of the modules that are loaded: each was compiled whole when the first of its kernels was asked for.</summary>
    public IEnumerable<string> Modules => device.Context?.Modules.Select(static m => m.Module.Name) ?? [];

    /// <summary>The fault that ended the device's context, in words; null while there is none.</summary>
    public string? Fault => device.Context?.Finding;

    /// <summary>What kind of fault it was.</summary>
    public FaultKind? KindOfFault => device.Context?.KindOfFault;

    /// <summary>Device memory in use, in bytes, and the number of allocations.</summary>
    public (long Bytes, int Count) MemoryInUse => device.Context is { } context ? (context.Memory.InUse, context.Memory.Count) : (0, 0);

    /// <summary>Pinned memory of the host in use, in bytes, and the number of allocations.</summary>
    public (long Bytes, int Count) PinnedInUse => device.Context?.Pinned.InUse ?? (0, 0);

    /// <summary>Operations that were issued and did not run yet, because nothing waited for them.</summary>
    public int PendingOperations => device.Context?.Scheduler.Pending ?? 0;

    /// <summary>Operations of streams that ran since the device was made: what <see cref="SimulatedDeviceOptions.LostAfterOperations"/>
    /// counts.</summary>
    public long OperationsRun => device.Operations;

    /// <summary>From now on, calls are counted and refused.</summary>
    public void Refuse(SimulatedRefusal refusal) => Entry.Free(() => device.Refusals.Add(refusal));

    /// <summary>Where kernels print; as a rule the standard output, as of a real driver.</summary>
    public TextWriter Output { get; set; } = Console.Out;

    /// <summary>Begins to count anew.</summary>
    public void ResetCounters() => counters.Clear();

    internal Counters CountersOf(string kernel)
    {
        if (!counters.TryGetValue(kernel, out Counters? found))
            counters.Add(kernel, found = new Counters());
        return found;
    }

    IReadOnlyDictionary<string, LaunchCost> Totals()
    {
        Dictionary<string, LaunchCost> totals = [];
        Entry.Free(() =>
        {
            foreach ((string name, Counters c) in counters)
                totals.Add(name, new LaunchCost(c.BytesLoaded, c.BytesStored, c.FloatingPointOperations, c.LaneInstructions));
        });
        return totals;
    }

    /// <summary>Shuts the device down: every later call fails.</summary>
    public void Dispose() => Entry.Free(device.ShutDown);

    CudaResult Init(uint flags) => Entry.Free(() =>
    {
        if (flags != 0)
            throw SimulatedError.InvalidValue($"cuInit takes no flags, not 0x{flags:x}");
        device.IsInitialized = true;
    });

    // Legal before cuInit.
    CudaResult DriverGetVersion(int* number) => Entry.Free(() =>
    {
        Entry.NotNull(number, "version");
        *number = Options.DriverVersion;
    });

    CudaResult DeviceGetCount(int* number) => Entry.Free(() =>
    {
        Entry.NotNull(number, "count");
        SimulatedDevice.Find(device.Handle);
        *number = 1;
    });

    CudaResult DeviceGet(int* found, int ordinal) => Entry.Free(() =>
    {
        Entry.NotNull(found, "device");
        SimulatedDevice.Find(device.Handle);
        *found = ordinal == 0
            ? device.Handle
            : throw new SimulatedError(CudaResult.InvalidDevice, $"there is no device {ordinal}; there is one, device 0");
    });
}
