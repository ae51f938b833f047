using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Driver;

// The table filled from the driver's library, or from nothing.
public sealed unsafe partial class CudaDriverApi
{
    static readonly Lazy<CudaDriverApi> installed = new(Load);

    delegate void* Find(string name, string? olderName = null);

    /// <summary>The driver of this machine, looked for once (<see cref="LibrarySearch"/>); not supported where there is none. Never
    /// throws.</summary>
    public static CudaDriverApi Installed => installed.Value;

    /// <summary>CUDA version of the driver of this machine, 1000·major + 10·minor; 0 when there is none.</summary>
    public static int InstalledVersion()
    {
        int version = 0;
        return Installed.IsSupported && Installed.DriverGetVersion(&version) == CudaResult.Success ? version : 0;
    }

    static CudaDriverApi Load()
    {
        LibraryReport report = LibrarySearch.Open(CudaLibrary.Driver);
        return report.Handle == 0 ? Absent(report.Origin) : From(name => NativeLibrary.TryGetExport(report.Handle, name, out nint address) ? address : 0, report.Origin);
    }

    /// <summary>The table of a library with these exports; 0 stands for one that is missing.</summary>
    internal static CudaDriverApi From(Func<string, nint> export, string origin)
    {
        if (export("cuInit") == 0)
            return Absent($"{origin} is no CUDA driver");
        List<string> missing = [];
        return Fill(Resolve, origin, missing, isSupported: true);

        void* Resolve(string name, string? olderName)
        {
            nint address = export(name);
            if (address == 0 && olderName is not null)
                address = export(olderName);
            if (address != 0)
                return (void*)address;
            missing.Add(name);
            return (delegate* unmanaged<CudaResult>)&NewerDriver;
        }
    }

    static CudaDriverApi Absent(string reason) =>
        Fill(static (_, _) => (delegate* unmanaged<CudaResult>)&NoDevice, reason, [], isSupported: false);

    // On x64 and arm64 the caller clears the arguments away, so that one function stands in for any signature.
    [UnmanagedCallersOnly]
    static CudaResult NoDevice() => CudaResult.NoDevice;

    [UnmanagedCallersOnly]
    static CudaResult NewerDriver() => CudaResult.CallRequiresNewerDriver;

    static CudaDriverApi Fill(Find find, string origin, IReadOnlyList<string> missing, bool isSupported) => new()
    {
        Origin = origin,
        MissingExports = missing,
        IsSupported = isSupported,

        // Start, devices.
        Init = (delegate* unmanaged<uint, CudaResult>)find("cuInit"),
        DriverGetVersion = (delegate* unmanaged<int*, CudaResult>)find("cuDriverGetVersion"),
        GetErrorName = (delegate* unmanaged<CudaResult, byte**, CudaResult>)find("cuGetErrorName"),
        GetErrorString = (delegate* unmanaged<CudaResult, byte**, CudaResult>)find("cuGetErrorString"),
        DeviceGetCount = (delegate* unmanaged<int*, CudaResult>)find("cuDeviceGetCount"),
        DeviceGet = (delegate* unmanaged<int*, int, CudaResult>)find("cuDeviceGet"),
        DeviceGetName = (delegate* unmanaged<byte*, int, int, CudaResult>)find("cuDeviceGetName"),
        DeviceGetAttribute = (delegate* unmanaged<int*, CudaDeviceAttribute, int, CudaResult>)find("cuDeviceGetAttribute"),
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, CudaResult>)find("cuDeviceTotalMem_v2"),
        DeviceGetUuid = (delegate* unmanaged<CudaUuid*, int, CudaResult>)find("cuDeviceGetUuid_v2", "cuDeviceGetUuid"),
        DeviceGetPciBusId = (delegate* unmanaged<byte*, int, int, CudaResult>)find("cuDeviceGetPCIBusId"),

        // Contexts.
        DevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, CudaResult>)find("cuDevicePrimaryCtxRetain"),
        DevicePrimaryCtxRelease = (delegate* unmanaged<int, CudaResult>)find("cuDevicePrimaryCtxRelease_v2"),
        DevicePrimaryCtxSetFlags = (delegate* unmanaged<int, uint, CudaResult>)find("cuDevicePrimaryCtxSetFlags_v2"),
        DevicePrimaryCtxGetState = (delegate* unmanaged<int, uint*, int*, CudaResult>)find("cuDevicePrimaryCtxGetState"),
        DevicePrimaryCtxReset = (delegate* unmanaged<int, CudaResult>)find("cuDevicePrimaryCtxReset_v2"),
        CtxSetCurrent = (delegate* unmanaged<nint, CudaResult>)find("cuCtxSetCurrent"),
        CtxGetCurrent = (delegate* unmanaged<nint*, CudaResult>)find("cuCtxGetCurrent"),
        CtxSynchronize = (delegate* unmanaged<CudaResult>)find("cuCtxSynchronize"),
        CtxGetDevice = (delegate* unmanaged<int*, CudaResult>)find("cuCtxGetDevice"),
        CtxGetStreamPriorityRange = (delegate* unmanaged<int*, int*, CudaResult>)find("cuCtxGetStreamPriorityRange"),
        CtxSetLimit = (delegate* unmanaged<CudaLimit, nuint, CudaResult>)find("cuCtxSetLimit"),
        CtxGetLimit = (delegate* unmanaged<nuint*, CudaLimit, CudaResult>)find("cuCtxGetLimit"),

        // Modules and kernels.
        ModuleLoadDataEx = (delegate* unmanaged<nint*, void*, uint, CudaJitOption*, void**, CudaResult>)find("cuModuleLoadDataEx"),
        ModuleUnload = (delegate* unmanaged<nint, CudaResult>)find("cuModuleUnload"),
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, CudaResult>)find("cuModuleGetFunction"),
        ModuleGetGlobal = (delegate* unmanaged<ulong*, nuint*, nint, byte*, CudaResult>)find("cuModuleGetGlobal_v2"),
        FuncGetAttribute = (delegate* unmanaged<int*, CudaFunctionAttribute, nint, CudaResult>)find("cuFuncGetAttribute"),
        FuncSetAttribute = (delegate* unmanaged<nint, CudaFunctionAttribute, int, CudaResult>)find("cuFuncSetAttribute"),
        OccupancyMaxActiveBlocksPerMultiprocessor = (delegate* unmanaged<int*, nint, int, nuint, CudaResult>)find("cuOccupancyMaxActiveBlocksPerMultiprocessor"),
        OccupancyMaxPotentialBlockSize = (delegate* unmanaged<int*, int*, nint, nint, nuint, int, CudaResult>)find("cuOccupancyMaxPotentialBlockSize"),
        LaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CudaResult>)find("cuLaunchKernel"),
        LaunchHostFunc = (delegate* unmanaged<nint, delegate* unmanaged<void*, void>, void*, CudaResult>)find("cuLaunchHostFunc"),

        // Memory.
        MemGetInfo = (delegate* unmanaged<nuint*, nuint*, CudaResult>)find("cuMemGetInfo_v2"),
        MemAlloc = (delegate* unmanaged<ulong*, nuint, CudaResult>)find("cuMemAlloc_v2"),
        MemFree = (delegate* unmanaged<ulong, CudaResult>)find("cuMemFree_v2"),
        MemHostAlloc = (delegate* unmanaged<void**, nuint, CudaHostFlags, CudaResult>)find("cuMemHostAlloc"),
        MemFreeHost = (delegate* unmanaged<void*, CudaResult>)find("cuMemFreeHost"),
        MemHostRegister = (delegate* unmanaged<void*, nuint, CudaHostFlags, CudaResult>)find("cuMemHostRegister_v2"),
        MemHostUnregister = (delegate* unmanaged<void*, CudaResult>)find("cuMemHostUnregister"),
        MemAllocAsync = (delegate* unmanaged<ulong*, nuint, nint, CudaResult>)find("cuMemAllocAsync"),
        MemFreeAsync = (delegate* unmanaged<ulong, nint, CudaResult>)find("cuMemFreeAsync"),
        DeviceGetDefaultMemPool = (delegate* unmanaged<nint*, int, CudaResult>)find("cuDeviceGetDefaultMemPool"),
        MemPoolTrimTo = (delegate* unmanaged<nint, nuint, CudaResult>)find("cuMemPoolTrimTo"),
        MemPoolSetAttribute = (delegate* unmanaged<nint, CudaMemoryPoolAttribute, void*, CudaResult>)find("cuMemPoolSetAttribute"),
        MemPoolGetAttribute = (delegate* unmanaged<nint, CudaMemoryPoolAttribute, void*, CudaResult>)find("cuMemPoolGetAttribute"),
        MemcpyHtoD = (delegate* unmanaged<ulong, void*, nuint, CudaResult>)find("cuMemcpyHtoD_v2"),
        MemcpyDtoH = (delegate* unmanaged<void*, ulong, nuint, CudaResult>)find("cuMemcpyDtoH_v2"),
        MemcpyDtoD = (delegate* unmanaged<ulong, ulong, nuint, CudaResult>)find("cuMemcpyDtoD_v2"),
        MemcpyHtoDAsync = (delegate* unmanaged<ulong, void*, nuint, nint, CudaResult>)find("cuMemcpyHtoDAsync_v2"),
        MemcpyDtoHAsync = (delegate* unmanaged<void*, ulong, nuint, nint, CudaResult>)find("cuMemcpyDtoHAsync_v2"),
        MemcpyDtoDAsync = (delegate* unmanaged<ulong, ulong, nuint, nint, CudaResult>)find("cuMemcpyDtoDAsync_v2"),
        MemsetD8 = (delegate* unmanaged<ulong, byte, nuint, CudaResult>)find("cuMemsetD8_v2"),
        MemsetD32 = (delegate* unmanaged<ulong, uint, nuint, CudaResult>)find("cuMemsetD32_v2"),
        MemsetD8Async = (delegate* unmanaged<ulong, byte, nuint, nint, CudaResult>)find("cuMemsetD8Async"),
        MemsetD32Async = (delegate* unmanaged<ulong, uint, nuint, nint, CudaResult>)find("cuMemsetD32Async"),

        // Streams and events.
        StreamCreateWithPriority = (delegate* unmanaged<nint*, CudaStreamFlags, int, CudaResult>)find("cuStreamCreateWithPriority"),
        StreamDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuStreamDestroy_v2"),
        StreamQuery = (delegate* unmanaged<nint, CudaResult>)find("cuStreamQuery"),
        StreamSynchronize = (delegate* unmanaged<nint, CudaResult>)find("cuStreamSynchronize"),
        StreamWaitEvent = (delegate* unmanaged<nint, nint, uint, CudaResult>)find("cuStreamWaitEvent"),
        EventCreate = (delegate* unmanaged<nint*, CudaEventFlags, CudaResult>)find("cuEventCreate"),
        EventDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuEventDestroy_v2"),
        EventRecord = (delegate* unmanaged<nint, nint, CudaResult>)find("cuEventRecord"),
        EventQuery = (delegate* unmanaged<nint, CudaResult>)find("cuEventQuery"),
        EventSynchronize = (delegate* unmanaged<nint, CudaResult>)find("cuEventSynchronize"),
        EventElapsedTime = (delegate* unmanaged<float*, nint, nint, CudaResult>)find("cuEventElapsedTime_v2", "cuEventElapsedTime"),
        ProfilerStart = (delegate* unmanaged<CudaResult>)find("cuProfilerStart"),
        ProfilerStop = (delegate* unmanaged<CudaResult>)find("cuProfilerStop"),

        // Graphs.
        StreamBeginCapture = (delegate* unmanaged<nint, CudaCaptureMode, CudaResult>)find("cuStreamBeginCapture_v2"),
        StreamEndCapture = (delegate* unmanaged<nint, nint*, CudaResult>)find("cuStreamEndCapture"),
        StreamIsCapturing = (delegate* unmanaged<nint, CudaCaptureStatus*, CudaResult>)find("cuStreamIsCapturing"),
        GraphGetNodes = (delegate* unmanaged<nint, nint*, nuint*, CudaResult>)find("cuGraphGetNodes"),
        GraphInstantiate = (delegate* unmanaged<nint*, nint, ulong, CudaResult>)find("cuGraphInstantiateWithFlags"),
        GraphLaunch = (delegate* unmanaged<nint, nint, CudaResult>)find("cuGraphLaunch"),
        GraphExecUpdate = (delegate* unmanaged<nint, nint, CudaGraphUpdateInfo*, CudaResult>)find("cuGraphExecUpdate_v2"),
        GraphExecDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuGraphExecDestroy"),
        GraphDestroy = (delegate* unmanaged<nint, CudaResult>)find("cuGraphDestroy"),
    };
}
