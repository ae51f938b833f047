using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>The entry points of the CUDA driver; a device is an <c>int</c>. One that the driver lacks returns
/// <see cref="CudaResult.CallRequiresNewerDriver"/>, and where there is no driver all return <see cref="CudaResult.NoDevice"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CudaDriverTable : INativeTable
{
    static CudaLibrary INativeTable.Library => CudaLibrary.Driver;

    static string INativeTable.Prefix => "cu";

    static string[] INativeTable.Exports { get; } =
    [
        "cuInit", "cuDriverGetVersion", "cuGetErrorString", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute",
        "cuDeviceTotalMem_v2", "cuDeviceGetPCIBusId",
        "cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2", "cuCtxSetCurrent", "cuCtxSynchronize",
        "cuModuleLoadDataEx", "cuModuleUnload", "cuModuleGetFunction", "cuFuncGetAttribute", "cuFuncSetAttribute", "cuLaunchKernel",
        "cuMemGetInfo_v2", "cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuMemFreeHost",
        "cuMemcpyHtoD_v2",
        "cuMemcpyDtoH_v2", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2", "cuMemsetD8Async",
        "cuMemsetD32Async",
        "cuStreamCreateWithPriority", "cuStreamDestroy_v2", "cuStreamSynchronize", "cuStreamWaitEvent", "cuEventCreate",
        "cuEventDestroy_v2", "cuEventRecord", "cuEventRecordWithFlags", "cuEventSynchronize", "cuEventElapsedTime_v2|cuEventElapsedTime",
        "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphGetNodes", "cuGraphInstantiateWithFlags",
        "cuGraphLaunch", "cuGraphExecDestroy", "cuGraphDestroy",
    ];

    static nint INativeTable.StandIn(string export, bool isSupported) =>
        (nint)(isSupported ? (delegate* unmanaged<CudaResult>)&NewerDriver : &NoDevice);

    [UnmanagedCallersOnly]
    static CudaResult NoDevice() => CudaResult.NoDevice;

    [UnmanagedCallersOnly]
    static CudaResult NewerDriver() => CudaResult.CallRequiresNewerDriver;

    // Start, devices.
    /// <summary>(flags)</summary>
    public delegate* unmanaged<uint, CudaResult> Init;
    /// <summary>(version)</summary>
    public delegate* unmanaged<int*, CudaResult> DriverGetVersion;
    /// <summary>(error, text)</summary>
    public delegate* unmanaged<CudaResult, byte**, CudaResult> GetErrorString;
    /// <summary>(count)</summary>
    public delegate* unmanaged<int*, CudaResult> DeviceGetCount;
    /// <summary>(device, ordinal)</summary>
    public delegate* unmanaged<int*, int, CudaResult> DeviceGet;
    /// <summary>(name, length, device)</summary>
    public delegate* unmanaged<byte*, int, int, CudaResult> DeviceGetName;
    /// <summary>(value, attribute, device)</summary>
    public delegate* unmanaged<int*, CudaDeviceAttribute, int, CudaResult> DeviceGetAttribute;
    /// <summary>(bytes, device)</summary>
    public delegate* unmanaged<nuint*, int, CudaResult> DeviceTotalMem;
    /// <summary>(text, length, device)</summary>
    public delegate* unmanaged<byte*, int, int, CudaResult> DeviceGetPciBusId;

    // Contexts.
    /// <summary>(context, device)</summary>
    public delegate* unmanaged<nint*, int, CudaResult> DevicePrimaryCtxRetain;
    /// <summary>(device)</summary>
    public delegate* unmanaged<int, CudaResult> DevicePrimaryCtxRelease;
    /// <summary>(context)</summary>
    public delegate* unmanaged<nint, CudaResult> CtxSetCurrent;
    /// <summary>()</summary>
    public delegate* unmanaged<CudaResult> CtxSynchronize;

    // Modules and kernels.
    /// <summary>(module, image, optionCount, options, values)</summary>
    public delegate* unmanaged<nint*, void*, uint, CudaJitOption*, void**, CudaResult> ModuleLoadDataEx;
    /// <summary>(module)</summary>
    public delegate* unmanaged<nint, CudaResult> ModuleUnload;
    /// <summary>(function, module, name)</summary>
    public delegate* unmanaged<nint*, nint, byte*, CudaResult> ModuleGetFunction;
    /// <summary>(value, attribute, function)</summary>
    public delegate* unmanaged<int*, CudaFunctionAttribute, nint, CudaResult> FuncGetAttribute;
    /// <summary>(function, attribute, value)</summary>
    public delegate* unmanaged<nint, CudaFunctionAttribute, int, CudaResult> FuncSetAttribute;
    /// <summary>(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, parameters, extra)</summary>
    public delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CudaResult> LaunchKernel;

    // Memory.
    /// <summary>(free, total)</summary>
    public delegate* unmanaged<nuint*, nuint*, CudaResult> MemGetInfo;
    /// <summary>(address, bytes)</summary>
    public delegate* unmanaged<ulong*, nuint, CudaResult> MemAlloc;
    /// <summary>(address)</summary>
    public delegate* unmanaged<ulong, CudaResult> MemFree;
    /// <summary>(pointer, bytes, flags)</summary>
    public delegate* unmanaged<void**, nuint, CudaHostFlags, CudaResult> MemHostAlloc;
    /// <summary>(pointer)</summary>
    public delegate* unmanaged<void*, CudaResult> MemFreeHost;
    /// <summary>(destination, source, bytes)</summary>
    public delegate* unmanaged<ulong, void*, nuint, CudaResult> MemcpyHtoD;
    /// <summary>(destination, source, bytes)</summary>
    public delegate* unmanaged<void*, ulong, nuint, CudaResult> MemcpyDtoH;
    /// <summary>(destination, source, bytes, stream)</summary>
    public delegate* unmanaged<ulong, void*, nuint, nint, CudaResult> MemcpyHtoDAsync;
    /// <summary>(destination, source, bytes, stream)</summary>
    public delegate* unmanaged<void*, ulong, nuint, nint, CudaResult> MemcpyDtoHAsync;
    /// <summary>(destination, source, bytes, stream)</summary>
    public delegate* unmanaged<ulong, ulong, nuint, nint, CudaResult> MemcpyDtoDAsync;
    /// <summary>(destination, value, count, stream)</summary>
    public delegate* unmanaged<ulong, byte, nuint, nint, CudaResult> MemsetD8Async;
    /// <summary>(destination, value, count, stream)</summary>
    public delegate* unmanaged<ulong, uint, nuint, nint, CudaResult> MemsetD32Async;

    // Streams and events.
    /// <summary>(stream, flags, priority)</summary>
    public delegate* unmanaged<nint*, CudaStreamFlags, int, CudaResult> StreamCreateWithPriority;
    /// <summary>(stream)</summary>
    public delegate* unmanaged<nint, CudaResult> StreamDestroy;
    /// <summary>(stream)</summary>
    public delegate* unmanaged<nint, CudaResult> StreamSynchronize;
    /// <summary>(stream, waited, flags)</summary>
    public delegate* unmanaged<nint, nint, uint, CudaResult> StreamWaitEvent;
    /// <summary>(created, flags)</summary>
    public delegate* unmanaged<nint*, CudaEventFlags, CudaResult> EventCreate;
    /// <summary>(destroyed)</summary>
    public delegate* unmanaged<nint, CudaResult> EventDestroy;
    /// <summary>(recorded, stream)</summary>
    public delegate* unmanaged<nint, nint, CudaResult> EventRecord;
    /// <summary>(event, stream, flags): 1 while the stream is captured makes each launch of the graph record the event.</summary>
    public delegate* unmanaged<nint, nint, uint, CudaResult> EventRecordWithFlags;
    /// <summary>(awaited)</summary>
    public delegate* unmanaged<nint, CudaResult> EventSynchronize;
    /// <summary>(milliseconds, start, end)</summary>
    public delegate* unmanaged<float*, nint, nint, CudaResult> EventElapsedTime;

    // Graphs.
    /// <summary>(stream, mode)</summary>
    public delegate* unmanaged<nint, CudaCaptureMode, CudaResult> StreamBeginCapture;
    /// <summary>(stream, graph)</summary>
    public delegate* unmanaged<nint, nint*, CudaResult> StreamEndCapture;
    /// <summary>(graph, nodes, count)</summary>
    public delegate* unmanaged<nint, nint*, nuint*, CudaResult> GraphGetNodes;
    /// <summary>(executable, graph, flags)</summary>
    public delegate* unmanaged<nint*, nint, ulong, CudaResult> GraphInstantiate;
    /// <summary>(executable, stream)</summary>
    public delegate* unmanaged<nint, nint, CudaResult> GraphLaunch;
    /// <summary>(executable)</summary>
    public delegate* unmanaged<nint, CudaResult> GraphExecDestroy;
    /// <summary>(graph)</summary>
    public delegate* unmanaged<nint, CudaResult> GraphDestroy;
}
