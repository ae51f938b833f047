using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Simulator.Driver;

// The table: the compiler checks that every entry has the signature of the real driver's.
public sealed unsafe partial class SimulatedDriver
{
    CudaDriverTable Table() => new()
    {
        Init = (delegate* unmanaged<uint, CudaResult>)Marshal.GetFunctionPointerForDelegate(init),
        DriverGetVersion = (delegate* unmanaged<int*, CudaResult>)Marshal.GetFunctionPointerForDelegate(version),
        GetErrorString = &DeviceEntries.GetErrorString,
        DeviceGetCount = (delegate* unmanaged<int*, CudaResult>)Marshal.GetFunctionPointerForDelegate(count),
        DeviceGet = (delegate* unmanaged<int*, int, CudaResult>)Marshal.GetFunctionPointerForDelegate(get),
        DeviceGetName = &DeviceEntries.DeviceGetName,
        DeviceGetAttribute = &DeviceEntries.DeviceGetAttribute,
        DeviceTotalMem = &DeviceEntries.DeviceTotalMem,
        DeviceGetPciBusId = &DeviceEntries.DeviceGetPciBusId,
        DevicePrimaryCtxRetain = &DeviceEntries.DevicePrimaryCtxRetain,
        DevicePrimaryCtxRelease = &DeviceEntries.DevicePrimaryCtxRelease,
        CtxSetCurrent = &DeviceEntries.CtxSetCurrent,
        CtxSynchronize = &DeviceEntries.CtxSynchronize,
        ModuleLoadDataEx = &ModuleEntries.ModuleLoadDataEx,
        ModuleUnload = &ModuleEntries.ModuleUnload,
        ModuleGetFunction = &ModuleEntries.ModuleGetFunction,
        FuncGetAttribute = &ModuleEntries.FuncGetAttribute,
        FuncSetAttribute = &ModuleEntries.FuncSetAttribute,
        LaunchKernel = &ModuleEntries.LaunchKernel,
        MemGetInfo = &MemoryEntries.MemGetInfo,
        MemAlloc = &MemoryEntries.MemAlloc,
        MemFree = &MemoryEntries.MemFree,
        MemHostAlloc = &MemoryEntries.MemHostAlloc,
        MemFreeHost = &MemoryEntries.MemFreeHost,
        MemcpyHtoD = &MemoryEntries.MemcpyHtoD,
        MemcpyDtoH = &MemoryEntries.MemcpyDtoH,
        MemcpyHtoDAsync = &MemoryEntries.MemcpyHtoDAsync,
        MemcpyDtoHAsync = &MemoryEntries.MemcpyDtoHAsync,
        MemcpyDtoDAsync = &MemoryEntries.MemcpyDtoDAsync,
        MemsetD8Async = &MemoryEntries.MemsetD8Async,
        MemsetD32Async = &MemoryEntries.MemsetD32Async,
        StreamCreateWithPriority = &StreamEntries.StreamCreateWithPriority,
        StreamDestroy = &StreamEntries.StreamDestroy,
        StreamSynchronize = &StreamEntries.StreamSynchronize,
        StreamWaitEvent = &StreamEntries.StreamWaitEvent,
        EventCreate = &StreamEntries.EventCreate,
        EventDestroy = &StreamEntries.EventDestroy,
        EventRecord = &StreamEntries.EventRecord,
        EventRecordWithFlags = &StreamEntries.EventRecordWithFlags,
        EventSynchronize = &StreamEntries.EventSynchronize,
        EventElapsedTime = &StreamEntries.EventElapsedTime,
        StreamBeginCapture = &GraphEntries.StreamBeginCapture,
        StreamEndCapture = &GraphEntries.StreamEndCapture,
        GraphGetNodes = &GraphEntries.GraphGetNodes,
        GraphInstantiate = &GraphEntries.GraphInstantiate,
        GraphLaunch = &GraphEntries.GraphLaunch,
        GraphExecDestroy = &GraphEntries.GraphExecDestroy,
        GraphDestroy = &GraphEntries.GraphDestroy,
    };
}
