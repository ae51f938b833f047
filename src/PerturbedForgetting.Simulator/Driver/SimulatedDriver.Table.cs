using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

// The table: the compiler checks that every entry has the signature of the real driver's.
public sealed unsafe partial class SimulatedDriver
{
    CudaDriverApi Table() => new()
    {
        IsSupported = true,
        Origin = "software GPU",
        LastFinding = () => Entry.Finding,
        LaunchTotals = Totals,
        Init = (delegate* unmanaged<uint, CudaResult>)Marshal.GetFunctionPointerForDelegate(init),
        DriverGetVersion = (delegate* unmanaged<int*, CudaResult>)Marshal.GetFunctionPointerForDelegate(version),
        GetErrorName = &DeviceEntries.GetErrorName,
        GetErrorString = &DeviceEntries.GetErrorString,
        DeviceGetCount = (delegate* unmanaged<int*, CudaResult>)Marshal.GetFunctionPointerForDelegate(count),
        DeviceGet = (delegate* unmanaged<int*, int, CudaResult>)Marshal.GetFunctionPointerForDelegate(get),
        DeviceGetName = &DeviceEntries.DeviceGetName,
        DeviceGetAttribute = &DeviceEntries.DeviceGetAttribute,
        DeviceTotalMem = &DeviceEntries.DeviceTotalMem,
        DeviceGetUuid = &DeviceEntries.DeviceGetUuid,
        DeviceGetPciBusId = &DeviceEntries.DeviceGetPciBusId,
        DevicePrimaryCtxRetain = &DeviceEntries.DevicePrimaryCtxRetain,
        DevicePrimaryCtxRelease = &DeviceEntries.DevicePrimaryCtxRelease,
        DevicePrimaryCtxSetFlags = &DeviceEntries.DevicePrimaryCtxSetFlags,
        DevicePrimaryCtxGetState = &DeviceEntries.DevicePrimaryCtxGetState,
        DevicePrimaryCtxReset = &DeviceEntries.DevicePrimaryCtxReset,
        CtxSetCurrent = &DeviceEntries.CtxSetCurrent,
        CtxGetCurrent = &DeviceEntries.CtxGetCurrent,
        CtxSynchronize = &DeviceEntries.CtxSynchronize,
        CtxGetDevice = &DeviceEntries.CtxGetDevice,
        CtxGetStreamPriorityRange = &DeviceEntries.CtxGetStreamPriorityRange,
        CtxSetLimit = &DeviceEntries.CtxSetLimit,
        CtxGetLimit = &DeviceEntries.CtxGetLimit,
        ModuleLoadDataEx = &ModuleEntries.ModuleLoadDataEx,
        ModuleUnload = &ModuleEntries.ModuleUnload,
        ModuleGetFunction = &ModuleEntries.ModuleGetFunction,
        ModuleGetGlobal = &ModuleEntries.ModuleGetGlobal,
        FuncGetAttribute = &ModuleEntries.FuncGetAttribute,
        FuncSetAttribute = &ModuleEntries.FuncSetAttribute,
        OccupancyMaxActiveBlocksPerMultiprocessor = &ModuleEntries.OccupancyMaxActiveBlocksPerMultiprocessor,
        OccupancyMaxPotentialBlockSize = &ModuleEntries.OccupancyMaxPotentialBlockSize,
        LaunchKernel = &ModuleEntries.LaunchKernel,
        LaunchHostFunc = &StreamEntries.LaunchHostFunc,
        MemGetInfo = &MemoryEntries.MemGetInfo,
        MemAlloc = &MemoryEntries.MemAlloc,
        MemFree = &MemoryEntries.MemFree,
        MemHostAlloc = &MemoryEntries.MemHostAlloc,
        MemFreeHost = &MemoryEntries.MemFreeHost,
        MemHostRegister = &MemoryEntries.MemHostRegister,
        MemHostUnregister = &MemoryEntries.MemHostUnregister,
        MemAllocAsync = &MemoryEntries.MemAllocAsync,
        MemFreeAsync = &MemoryEntries.MemFreeAsync,
        DeviceGetDefaultMemPool = &MemoryEntries.DeviceGetDefaultMemPool,
        MemPoolTrimTo = &MemoryEntries.MemPoolTrimTo,
        MemPoolSetAttribute = &MemoryEntries.MemPoolSetAttribute,
        MemPoolGetAttribute = &MemoryEntries.MemPoolGetAttribute,
        MemcpyHtoD = &MemoryEntries.MemcpyHtoD,
        MemcpyDtoH = &MemoryEntries.MemcpyDtoH,
        MemcpyDtoD = &MemoryEntries.MemcpyDtoD,
        MemcpyHtoDAsync = &MemoryEntries.MemcpyHtoDAsync,
        MemcpyDtoHAsync = &MemoryEntries.MemcpyDtoHAsync,
        MemcpyDtoDAsync = &MemoryEntries.MemcpyDtoDAsync,
        MemsetD8 = &MemoryEntries.MemsetD8,
        MemsetD32 = &MemoryEntries.MemsetD32,
        MemsetD8Async = &MemoryEntries.MemsetD8Async,
        MemsetD32Async = &MemoryEntries.MemsetD32Async,
        StreamCreateWithPriority = &StreamEntries.StreamCreateWithPriority,
        StreamDestroy = &StreamEntries.StreamDestroy,
        StreamQuery = &StreamEntries.StreamQuery,
        StreamSynchronize = &StreamEntries.StreamSynchronize,
        StreamWaitEvent = &StreamEntries.StreamWaitEvent,
        EventCreate = &StreamEntries.EventCreate,
        EventDestroy = &StreamEntries.EventDestroy,
        EventRecord = &StreamEntries.EventRecord,
        EventQuery = &StreamEntries.EventQuery,
        EventSynchronize = &StreamEntries.EventSynchronize,
        EventElapsedTime = &StreamEntries.EventElapsedTime,
        ProfilerStart = &StreamEntries.ProfilerStart,
        ProfilerStop = &StreamEntries.ProfilerStop,
        StreamBeginCapture = &GraphEntries.StreamBeginCapture,
        StreamEndCapture = &GraphEntries.StreamEndCapture,
        StreamIsCapturing = &GraphEntries.StreamIsCapturing,
        GraphGetNodes = &GraphEntries.GraphGetNodes,
        GraphInstantiate = &GraphEntries.GraphInstantiate,
        GraphLaunch = &GraphEntries.GraphLaunch,
        GraphExecUpdate = &GraphEntries.GraphExecUpdate,
        GraphExecDestroy = &GraphEntries.GraphExecDestroy,
        GraphDestroy = &GraphEntries.GraphDestroy,
    };

    IReadOnlyDictionary<string, LaunchCost> Totals()
    {
        Dictionary<string, LaunchCost> totals = [];
        Entry.Free(() =>
        {
            foreach ((string name, Counters c) in counters)
                totals.Add(name, new LaunchCost(c.BytesLoaded + c.BytesStored, c.FloatingPointOperations, c.LaneInstructions));
        });
        return totals;
    }
}
