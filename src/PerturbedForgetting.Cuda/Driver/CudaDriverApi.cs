namespace PerturbedForgetting.Cuda.Driver;

/// <summary>
/// The entry points of the CUDA driver as a table of unmanaged function pointers, filled from the driver's library
/// (<see cref="Installed"/>) or by the software GPU. An entry is never null: one that the library lacks returns
/// <see cref="CudaResult.CallRequiresNewerDriver"/>, and where there is no library all return <see cref="CudaResult.NoDevice"/>.
/// Handles are pointer-sized integers, device addresses are <c>ulong</c>, a device is an <c>int</c>.
/// </summary>
public sealed unsafe partial class CudaDriverApi
{
    /// <summary>Whether there is a driver behind the table.</summary>
    public bool IsSupported { get; init; }

    /// <summary>Where the entries come from: the library's path, <c>software GPU</c>, or why there are none.</summary>
    public required string Origin { get; init; }

    /// <summary>The entry points that the library lacks, by their export names.</summary>
    public IReadOnlyList<string> MissingExports { get; init; } = [];

    /// <summary>More about the last failure of this thread than its code says; the software GPU tells the kernel, line, block,
    /// thread and address here. Null when nothing more is known.</summary>
    public Func<string?>? LastFinding { get; init; }

    /// <summary>What the launches so far did, by the name an <see cref="ILaunchObserver"/> sees; null on a real device, which does not count.</summary>
    public Func<IReadOnlyDictionary<string, LaunchCost>>? LaunchTotals { get; init; }

    // Start, devices.
    /// <summary><c>cuInit(uint flags)</c></summary>
    public delegate* unmanaged<uint, CudaResult> Init { get; init; }
    /// <summary><c>cuDriverGetVersion(int* version)</c></summary>
    public delegate* unmanaged<int*, CudaResult> DriverGetVersion { get; init; }
    /// <summary><c>cuGetErrorName(CudaResult error, byte** text)</c></summary>
    public delegate* unmanaged<CudaResult, byte**, CudaResult> GetErrorName { get; init; }
    /// <summary><c>cuGetErrorString(CudaResult error, byte** text)</c></summary>
    public delegate* unmanaged<CudaResult, byte**, CudaResult> GetErrorString { get; init; }
    /// <summary><c>cuDeviceGetCount(int* count)</c></summary>
    public delegate* unmanaged<int*, CudaResult> DeviceGetCount { get; init; }
    /// <summary><c>cuDeviceGet(int* device, int ordinal)</c></summary>
    public delegate* unmanaged<int*, int, CudaResult> DeviceGet { get; init; }
    /// <summary><c>cuDeviceGetName(byte* name, int length, int device)</c></summary>
    public delegate* unmanaged<byte*, int, int, CudaResult> DeviceGetName { get; init; }
    /// <summary><c>cuDeviceGetAttribute(int* value, CudaDeviceAttribute attribute, int device)</c></summary>
    public delegate* unmanaged<int*, CudaDeviceAttribute, int, CudaResult> DeviceGetAttribute { get; init; }
    /// <summary><c>cuDeviceTotalMem_v2(nuint* bytes, int device)</c></summary>
    public delegate* unmanaged<nuint*, int, CudaResult> DeviceTotalMem { get; init; }
    /// <summary><c>cuDeviceGetUuid_v2(CudaUuid* uuid, int device)</c></summary>
    public delegate* unmanaged<CudaUuid*, int, CudaResult> DeviceGetUuid { get; init; }
    /// <summary><c>cuDeviceGetPCIBusId(byte* text, int length, int device)</c></summary>
    public delegate* unmanaged<byte*, int, int, CudaResult> DeviceGetPciBusId { get; init; }

    // Contexts.
    /// <summary><c>cuDevicePrimaryCtxRetain(nint* context, int device)</c></summary>
    public delegate* unmanaged<nint*, int, CudaResult> DevicePrimaryCtxRetain { get; init; }
    /// <summary><c>cuDevicePrimaryCtxRelease_v2(int device)</c></summary>
    public delegate* unmanaged<int, CudaResult> DevicePrimaryCtxRelease { get; init; }
    /// <summary><c>cuDevicePrimaryCtxSetFlags_v2(int device, uint flags)</c></summary>
    public delegate* unmanaged<int, uint, CudaResult> DevicePrimaryCtxSetFlags { get; init; }
    /// <summary><c>cuDevicePrimaryCtxGetState(int device, uint* flags, int* active)</c></summary>
    public delegate* unmanaged<int, uint*, int*, CudaResult> DevicePrimaryCtxGetState { get; init; }
    /// <summary><c>cuDevicePrimaryCtxReset_v2(int device)</c></summary>
    public delegate* unmanaged<int, CudaResult> DevicePrimaryCtxReset { get; init; }
    /// <summary><c>cuCtxSetCurrent(nint context)</c></summary>
    public delegate* unmanaged<nint, CudaResult> CtxSetCurrent { get; init; }
    /// <summary><c>cuCtxGetCurrent(nint* context)</c></summary>
    public delegate* unmanaged<nint*, CudaResult> CtxGetCurrent { get; init; }
    /// <summary><c>cuCtxSynchronize()</c></summary>
    public delegate* unmanaged<CudaResult> CtxSynchronize { get; init; }
    /// <summary><c>cuCtxGetDevice(int* device)</c></summary>
    public delegate* unmanaged<int*, CudaResult> CtxGetDevice { get; init; }
    /// <summary><c>cuCtxGetStreamPriorityRange(int* least, int* greatest)</c></summary>
    public delegate* unmanaged<int*, int*, CudaResult> CtxGetStreamPriorityRange { get; init; }
    /// <summary><c>cuCtxSetLimit(CudaLimit limit, nuint value)</c></summary>
    public delegate* unmanaged<CudaLimit, nuint, CudaResult> CtxSetLimit { get; init; }
    /// <summary><c>cuCtxGetLimit(nuint* value, CudaLimit limit)</c></summary>
    public delegate* unmanaged<nuint*, CudaLimit, CudaResult> CtxGetLimit { get; init; }

    // Modules and kernels.
    /// <summary><c>cuModuleLoadDataEx(nint* module, void* image, uint optionCount, CudaJitOption* options, void** values)</c></summary>
    public delegate* unmanaged<nint*, void*, uint, CudaJitOption*, void**, CudaResult> ModuleLoadDataEx { get; init; }
    /// <summary><c>cuModuleUnload(nint module)</c></summary>
    public delegate* unmanaged<nint, CudaResult> ModuleUnload { get; init; }
    /// <summary><c>cuModuleGetFunction(nint* function, nint module, byte* name)</c></summary>
    public delegate* unmanaged<nint*, nint, byte*, CudaResult> ModuleGetFunction { get; init; }
    /// <summary><c>cuModuleGetGlobal_v2(ulong* address, nuint* bytes, nint module, byte* name)</c></summary>
    public delegate* unmanaged<ulong*, nuint*, nint, byte*, CudaResult> ModuleGetGlobal { get; init; }
    /// <summary><c>cuFuncGetAttribute(int* value, CudaFunctionAttribute attribute, nint function)</c></summary>
    public delegate* unmanaged<int*, CudaFunctionAttribute, nint, CudaResult> FuncGetAttribute { get; init; }
    /// <summary><c>cuFuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value)</c></summary>
    public delegate* unmanaged<nint, CudaFunctionAttribute, int, CudaResult> FuncSetAttribute { get; init; }
    /// <summary><c>cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, nint function, int blockSize, nuint sharedBytes)</c></summary>
    public delegate* unmanaged<int*, nint, int, nuint, CudaResult> OccupancyMaxActiveBlocksPerMultiprocessor { get; init; }
    /// <summary><c>cuOccupancyMaxPotentialBlockSize(int* minimalGrid, int* blockSize, nint function, nint sharedBytesOfBlockSize, nuint sharedBytes, int blockSizeLimit)</c></summary>
    public delegate* unmanaged<int*, int*, nint, nint, nuint, int, CudaResult> OccupancyMaxPotentialBlockSize { get; init; }
    /// <summary><c>cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra)</c></summary>
    public delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, CudaResult> LaunchKernel { get; init; }
    /// <summary><c>cuLaunchHostFunc(nint stream, delegate* unmanaged&lt;void*, void&gt; function, void* state)</c></summary>
    public delegate* unmanaged<nint, delegate* unmanaged<void*, void>, void*, CudaResult> LaunchHostFunc { get; init; }

    // Memory.
    /// <summary><c>cuMemGetInfo_v2(nuint* free, nuint* total)</c></summary>
    public delegate* unmanaged<nuint*, nuint*, CudaResult> MemGetInfo { get; init; }
    /// <summary><c>cuMemAlloc_v2(ulong* address, nuint bytes)</c></summary>
    public delegate* unmanaged<ulong*, nuint, CudaResult> MemAlloc { get; init; }
    /// <summary><c>cuMemFree_v2(ulong address)</c></summary>
    public delegate* unmanaged<ulong, CudaResult> MemFree { get; init; }
    /// <summary><c>cuMemHostAlloc(void** pointer, nuint bytes, CudaHostFlags flags)</c></summary>
    public delegate* unmanaged<void**, nuint, CudaHostFlags, CudaResult> MemHostAlloc { get; init; }
    /// <summary><c>cuMemFreeHost(void* pointer)</c></summary>
    public delegate* unmanaged<void*, CudaResult> MemFreeHost { get; init; }
    /// <summary><c>cuMemHostRegister_v2(void* pointer, nuint bytes, CudaHostFlags flags)</c></summary>
    public delegate* unmanaged<void*, nuint, CudaHostFlags, CudaResult> MemHostRegister { get; init; }
    /// <summary><c>cuMemHostUnregister(void* pointer)</c></summary>
    public delegate* unmanaged<void*, CudaResult> MemHostUnregister { get; init; }
    /// <summary><c>cuMemAllocAsync(ulong* address, nuint bytes, nint stream)</c></summary>
    public delegate* unmanaged<ulong*, nuint, nint, CudaResult> MemAllocAsync { get; init; }
    /// <summary><c>cuMemFreeAsync(ulong address, nint stream)</c></summary>
    public delegate* unmanaged<ulong, nint, CudaResult> MemFreeAsync { get; init; }
    /// <summary><c>cuDeviceGetDefaultMemPool(nint* pool, int device)</c></summary>
    public delegate* unmanaged<nint*, int, CudaResult> DeviceGetDefaultMemPool { get; init; }
    /// <summary><c>cuMemPoolTrimTo(nint pool, nuint bytesToKeep)</c></summary>
    public delegate* unmanaged<nint, nuint, CudaResult> MemPoolTrimTo { get; init; }
    /// <summary><c>cuMemPoolSetAttribute(nint pool, CudaMemoryPoolAttribute attribute, void* value)</c></summary>
    public delegate* unmanaged<nint, CudaMemoryPoolAttribute, void*, CudaResult> MemPoolSetAttribute { get; init; }
    /// <summary><c>cuMemPoolGetAttribute(nint pool, CudaMemoryPoolAttribute attribute, void* value)</c></summary>
    public delegate* unmanaged<nint, CudaMemoryPoolAttribute, void*, CudaResult> MemPoolGetAttribute { get; init; }
    /// <summary><c>cuMemcpyHtoD_v2(ulong destination, void* source, nuint bytes)</c></summary>
    public delegate* unmanaged<ulong, void*, nuint, CudaResult> MemcpyHtoD { get; init; }
    /// <summary><c>cuMemcpyDtoH_v2(void* destination, ulong source, nuint bytes)</c></summary>
    public delegate* unmanaged<void*, ulong, nuint, CudaResult> MemcpyDtoH { get; init; }
    /// <summary><c>cuMemcpyDtoD_v2(ulong destination, ulong source, nuint bytes)</c></summary>
    public delegate* unmanaged<ulong, ulong, nuint, CudaResult> MemcpyDtoD { get; init; }
    /// <summary><c>cuMemcpyHtoDAsync_v2(ulong destination, void* source, nuint bytes, nint stream)</c></summary>
    public delegate* unmanaged<ulong, void*, nuint, nint, CudaResult> MemcpyHtoDAsync { get; init; }
    /// <summary><c>cuMemcpyDtoHAsync_v2(void* destination, ulong source, nuint bytes, nint stream)</c></summary>
    public delegate* unmanaged<void*, ulong, nuint, nint, CudaResult> MemcpyDtoHAsync { get; init; }
    /// <summary><c>cuMemcpyDtoDAsync_v2(ulong destination, ulong source, nuint bytes, nint stream)</c></summary>
    public delegate* unmanaged<ulong, ulong, nuint, nint, CudaResult> MemcpyDtoDAsync { get; init; }
    /// <summary><c>cuMemsetD8_v2(ulong destination, byte value, nuint count)</c></summary>
    public delegate* unmanaged<ulong, byte, nuint, CudaResult> MemsetD8 { get; init; }
    /// <summary><c>cuMemsetD32_v2(ulong destination, uint value, nuint count)</c></summary>
    public delegate* unmanaged<ulong, uint, nuint, CudaResult> MemsetD32 { get; init; }
    /// <summary><c>cuMemsetD8Async(ulong destination, byte value, nuint count, nint stream)</c></summary>
    public delegate* unmanaged<ulong, byte, nuint, nint, CudaResult> MemsetD8Async { get; init; }
    /// <summary><c>cuMemsetD32Async(ulong destination, uint value, nuint count, nint stream)</c></summary>
    public delegate* unmanaged<ulong, uint, nuint, nint, CudaResult> MemsetD32Async { get; init; }

    // Streams and events.
    /// <summary><c>cuStreamCreateWithPriority(nint* stream, CudaStreamFlags flags, int priority)</c></summary>
    public delegate* unmanaged<nint*, CudaStreamFlags, int, CudaResult> StreamCreateWithPriority { get; init; }
    /// <summary><c>cuStreamDestroy_v2(nint stream)</c></summary>
    public delegate* unmanaged<nint, CudaResult> StreamDestroy { get; init; }
    /// <summary><c>cuStreamQuery(nint stream)</c></summary>
    public delegate* unmanaged<nint, CudaResult> StreamQuery { get; init; }
    /// <summary><c>cuStreamSynchronize(nint stream)</c></summary>
    public delegate* unmanaged<nint, CudaResult> StreamSynchronize { get; init; }
    /// <summary><c>cuStreamWaitEvent(nint stream, nint waited, uint flags)</c></summary>
    public delegate* unmanaged<nint, nint, uint, CudaResult> StreamWaitEvent { get; init; }
    /// <summary><c>cuEventCreate(nint* created, CudaEventFlags flags)</c></summary>
    public delegate* unmanaged<nint*, CudaEventFlags, CudaResult> EventCreate { get; init; }
    /// <summary><c>cuEventDestroy_v2(nint destroyed)</c></summary>
    public delegate* unmanaged<nint, CudaResult> EventDestroy { get; init; }
    /// <summary><c>cuEventRecord(nint recorded, nint stream)</c></summary>
    public delegate* unmanaged<nint, nint, CudaResult> EventRecord { get; init; }
    /// <summary><c>cuEventQuery(nint queried)</c></summary>
    public delegate* unmanaged<nint, CudaResult> EventQuery { get; init; }
    /// <summary><c>cuEventSynchronize(nint awaited)</c></summary>
    public delegate* unmanaged<nint, CudaResult> EventSynchronize { get; init; }
    /// <summary><c>cuEventElapsedTime_v2(float* milliseconds, nint start, nint end)</c></summary>
    public delegate* unmanaged<float*, nint, nint, CudaResult> EventElapsedTime { get; init; }
    /// <summary><c>cuProfilerStart()</c></summary>
    public delegate* unmanaged<CudaResult> ProfilerStart { get; init; }
    /// <summary><c>cuProfilerStop()</c></summary>
    public delegate* unmanaged<CudaResult> ProfilerStop { get; init; }

    // Graphs.
    /// <summary><c>cuStreamBeginCapture_v2(nint stream, CudaCaptureMode mode)</c></summary>
    public delegate* unmanaged<nint, CudaCaptureMode, CudaResult> StreamBeginCapture { get; init; }
    /// <summary><c>cuStreamEndCapture(nint stream, nint* graph)</c></summary>
    public delegate* unmanaged<nint, nint*, CudaResult> StreamEndCapture { get; init; }
    /// <summary><c>cuStreamIsCapturing(nint stream, CudaCaptureStatus* status)</c></summary>
    public delegate* unmanaged<nint, CudaCaptureStatus*, CudaResult> StreamIsCapturing { get; init; }
    /// <summary><c>cuGraphGetNodes(nint graph, nint* nodes, nuint* count)</c></summary>
    public delegate* unmanaged<nint, nint*, nuint*, CudaResult> GraphGetNodes { get; init; }
    /// <summary><c>cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags)</c></summary>
    public delegate* unmanaged<nint*, nint, ulong, CudaResult> GraphInstantiate { get; init; }
    /// <summary><c>cuGraphLaunch(nint executable, nint stream)</c></summary>
    public delegate* unmanaged<nint, nint, CudaResult> GraphLaunch { get; init; }
    /// <summary><c>cuGraphExecUpdate_v2(nint executable, nint graph, CudaGraphUpdateInfo* info)</c></summary>
    public delegate* unmanaged<nint, nint, CudaGraphUpdateInfo*, CudaResult> GraphExecUpdate { get; init; }
    /// <summary><c>cuGraphExecDestroy(nint executable)</c></summary>
    public delegate* unmanaged<nint, CudaResult> GraphExecDestroy { get; init; }
    /// <summary><c>cuGraphDestroy(nint graph)</c></summary>
    public delegate* unmanaged<nint, CudaResult> GraphDestroy { get; init; }
}
