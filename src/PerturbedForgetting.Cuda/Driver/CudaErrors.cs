using System.Collections.Frozen;

namespace PerturbedForgetting.Cuda.Driver;

/// <summary>The driver's status codes: their names in C, and what a user can do about each.</summary>
public static class CudaErrors
{
    const string KernelBug = "A kernel is wrong, or the GPU fails (the system's log then has an Xid); the context is lost and the process must be restarted. Run the same work on the software GPU, which names the kernel, line, block and thread, or under compute-sanitizer.";

    static readonly FrozenDictionary<CudaResult, (string Name, string Remedy)> table = new Dictionary<CudaResult, (string, string)>
    {
        [CudaResult.Success] = ("SUCCESS", ""),
        [CudaResult.InvalidValue] = ("INVALID_VALUE", "An argument is wrong (null pointer, size, dimension 0, unknown flag); this is a fault of the caller."),
        [CudaResult.OutOfMemory] = ("OUT_OF_MEMORY", "Use a smaller batch, or close other programs that use the GPU."),
        [CudaResult.NotInitialized] = ("NOT_INITIALIZED", "The driver was not initialised, or could not be; look at the first error."),
        [CudaResult.Deinitialized] = ("DEINITIALIZED", "The process is shutting down; release GPU resources before it ends."),
        [CudaResult.StubLibrary] = ("STUB_LIBRARY", "The link-time stub of libcuda was loaded; remove the toolkit's 'stubs' folder from the library path."),
        [CudaResult.CallRequiresNewerDriver] = ("CALL_REQUIRES_NEWER_DRIVER", "Update the NVIDIA driver."),
        [CudaResult.DeviceUnavailable] = ("DEVICE_UNAVAILABLE", "Another process has the GPU for itself; see 'nvidia-smi -q -d COMPUTE'."),
        [CudaResult.NoDevice] = ("NO_DEVICE", "No NVIDIA GPU is visible: install the driver, look at CUDA_VISIBLE_DEVICES, or start the container with GPUs."),
        [CudaResult.InvalidDevice] = ("INVALID_DEVICE", "There is no GPU of this number."),
        [CudaResult.InvalidImage] = ("INVALID_IMAGE", "The module is no PTX or cubin, or is cut short, or lacks the closing NUL byte."),
        [CudaResult.InvalidContext] = ("INVALID_CONTEXT", "No context is current on this thread; make the context current first."),
        [CudaResult.MapFailed] = ("MAP_FAILED", "Look at the error before this one."),
        [CudaResult.UnmapFailed] = ("UNMAP_FAILED", "Look at the error before this one."),
        [CudaResult.NoBinaryForGpu] = ("NO_BINARY_FOR_GPU", "The module has no code for this GPU; the kernels need compute capability 8.0 or newer."),
        [CudaResult.EccUncorrectable] = ("ECC_UNCORRECTABLE", "The GPU's memory has a hardware fault; reset or replace the GPU."),
        [CudaResult.PeerAccessUnsupported] = ("PEER_ACCESS_UNSUPPORTED", "These two GPUs cannot reach each other's memory; copy through the host."),
        [CudaResult.InvalidPtx] = ("INVALID_PTX", "The driver cannot compile the PTX; its log says where."),
        [CudaResult.NvlinkUncorrectable] = ("NVLINK_UNCORRECTABLE", "NVLink has a hardware fault."),
        [CudaResult.JitCompilerNotFound] = ("JIT_COMPILER_NOT_FOUND", "libnvidia-ptxjitcompiler is missing; complete the driver's installation, or the container's libraries."),
        [CudaResult.UnsupportedPtxVersion] = ("UNSUPPORTED_PTX_VERSION", "The PTX is newer than the driver; update the NVIDIA driver."),
        [CudaResult.JitCompilationDisabled] = ("JIT_COMPILATION_DISABLED", "CUDA_DISABLE_PTX_JIT is set; unset it."),
        [CudaResult.Contained] = ("CONTAINED", "The GPU contained a fault; restart the process."),
        [CudaResult.FileNotFound] = ("FILE_NOT_FOUND", "The module's file is missing."),
        [CudaResult.SharedObjectSymbolNotFound] = ("SHARED_OBJECT_SYMBOL_NOT_FOUND", "The module names a symbol that nothing defines."),
        [CudaResult.SharedObjectInitFailed] = ("SHARED_OBJECT_INIT_FAILED", "A library of the driver cannot be loaded; reinstall the driver."),
        [CudaResult.OperatingSystem] = ("OPERATING_SYSTEM", "The operating system refused a call; look at the rights of /dev/nvidia* and the limit of locked memory."),
        [CudaResult.InvalidHandle] = ("INVALID_HANDLE", "A stream, event, module or graph was already destroyed or is another context's."),
        [CudaResult.IllegalState] = ("ILLEGAL_STATE", "The resource is in a state in which this cannot be done."),
        [CudaResult.NotFound] = ("NOT_FOUND", "The module has no kernel or variable of this name; it must be extern \"C\" __global__."),
        [CudaResult.NotReady] = ("NOT_READY", "The work is not finished."),
        [CudaResult.IllegalAddress] = ("ILLEGAL_ADDRESS", KernelBug),
        [CudaResult.LaunchOutOfResources] = ("LAUNCH_OUT_OF_RESOURCES", "The block needs too many threads, registers or bytes of shared memory; use a smaller block, or raise the kernel's limit of dynamic shared memory."),
        [CudaResult.LaunchTimeout] = ("LAUNCH_TIMEOUT", "The kernel ran longer than the display driver allows; use a GPU without a display."),
        [CudaResult.PeerAccessAlreadyEnabled] = ("PEER_ACCESS_ALREADY_ENABLED", "Nothing needs to be done."),
        [CudaResult.PeerAccessNotEnabled] = ("PEER_ACCESS_NOT_ENABLED", "Enable peer access first."),
        [CudaResult.PrimaryContextActive] = ("PRIMARY_CONTEXT_ACTIVE", "The flags of a context must be set before its first use."),
        [CudaResult.ContextIsDestroyed] = ("CONTEXT_IS_DESTROYED", "The context was reset; everything in it must be made anew."),
        [CudaResult.Assert] = ("ASSERT", "An assertion in a kernel failed; the process must be restarted."),
        [CudaResult.HostMemoryAlreadyRegistered] = ("HOST_MEMORY_ALREADY_REGISTERED", "This host memory is pinned already."),
        [CudaResult.HostMemoryNotRegistered] = ("HOST_MEMORY_NOT_REGISTERED", "This host memory was not pinned."),
        [CudaResult.HardwareStackError] = ("HARDWARE_STACK_ERROR", KernelBug),
        [CudaResult.IllegalInstruction] = ("ILLEGAL_INSTRUCTION", KernelBug),
        [CudaResult.MisalignedAddress] = ("MISALIGNED_ADDRESS", "A vector access is not aligned to its size. " + KernelBug),
        [CudaResult.InvalidAddressSpace] = ("INVALID_ADDRESS_SPACE", KernelBug),
        [CudaResult.InvalidPc] = ("INVALID_PC", KernelBug),
        [CudaResult.LaunchFailed] = ("LAUNCH_FAILED", KernelBug),
        [CudaResult.CooperativeLaunchTooLarge] = ("COOPERATIVE_LAUNCH_TOO_LARGE", "Not all blocks fit on the GPU at once; use fewer."),
        [CudaResult.TensorMemoryLeak] = ("TENSOR_MEMORY_LEAK", KernelBug),
        [CudaResult.NotPermitted] = ("NOT_PERMITTED", "This operation is not allowed here."),
        [CudaResult.NotSupported] = ("NOT_SUPPORTED", "This GPU or system cannot do it."),
        [CudaResult.SystemNotReady] = ("SYSTEM_NOT_READY", "Start nvidia-fabricmanager."),
        [CudaResult.SystemDriverMismatch] = ("SYSTEM_DRIVER_MISMATCH", "The kernel module and the driver's library are of different versions; restart the machine or reinstall the driver."),
        [CudaResult.CompatNotSupportedOnDevice] = ("COMPAT_NOT_SUPPORTED_ON_DEVICE", "This GPU does not take the cuda-compat library; remove it from the library path."),
        [CudaResult.MpsClientTerminated] = ("MPS_CLIENT_TERMINATED", "The MPS server ended this client; restart the process."),
        [CudaResult.StreamCaptureUnsupported] = ("STREAM_CAPTURE_UNSUPPORTED", "This call cannot be captured into a graph (synchronising, allocating or querying while a stream is captured)."),
        [CudaResult.StreamCaptureInvalidated] = ("STREAM_CAPTURE_INVALIDATED", "An earlier call made the capture useless; look at that call's error."),
        [CudaResult.StreamCaptureMerge] = ("STREAM_CAPTURE_MERGE", "Two captures would be joined by an event; capture them apart."),
        [CudaResult.StreamCaptureUnmatched] = ("STREAM_CAPTURE_UNMATCHED", "The capture must end on the stream on which it began."),
        [CudaResult.StreamCaptureUnjoined] = ("STREAM_CAPTURE_UNJOINED", "A side stream of the capture was not joined to the first one by an event."),
        [CudaResult.StreamCaptureIsolation] = ("STREAM_CAPTURE_ISOLATION", "The captured work would depend on work outside the capture."),
        [CudaResult.StreamCaptureImplicit] = ("STREAM_CAPTURE_IMPLICIT", "The default stream would wait for a captured stream; use streams that do not block."),
        [CudaResult.CapturedEvent] = ("CAPTURED_EVENT", "The event was recorded in a capture and cannot be waited for outside."),
        [CudaResult.StreamCaptureWrongThread] = ("STREAM_CAPTURE_WRONG_THREAD", "The capture must end on the thread on which it began."),
        [CudaResult.GraphExecUpdateFailure] = ("GRAPH_EXEC_UPDATE_FAILURE", "The graph has another shape than the instantiated one; instantiate it anew."),
        [CudaResult.ExternalDevice] = ("EXTERNAL_DEVICE", "A device outside CUDA failed; restart the process."),
        [CudaResult.InvalidClusterSize] = ("INVALID_CLUSTER_SIZE", "The GPU does not take this size of cluster."),
        [CudaResult.FunctionNotLoaded] = ("FUNCTION_NOT_LOADED", "The kernel is loaded lazily; read one of its attributes first."),
        [CudaResult.Unknown] = ("UNKNOWN", "The driver does not say more; the system's log (Xid) may. Restart the process."),
    }.ToFrozenDictionary();

    /// <summary>Name of a code as in the header: <c>CUDA_ERROR_INVALID_VALUE</c>; null for a code that is not known.</summary>
    public static string? NameOf(CudaResult result) => result == CudaResult.Success
        ? "CUDA_SUCCESS"
        : table.TryGetValue(result, out (string Name, string Remedy) entry) ? "CUDA_ERROR_" + entry.Name : null;

    /// <summary>What a user can do about a code; empty when nothing is known.</summary>
    public static string RemedyFor(CudaResult result) => table.TryGetValue(result, out (string Name, string Remedy) entry) ? entry.Remedy : "";

    /// <summary>True for the codes after which the context is dead and every call returns the same code.</summary>
    public static bool IsSticky(CudaResult result) => result is CudaResult.IllegalAddress or CudaResult.LaunchTimeout or CudaResult.Assert
        or (>= CudaResult.HardwareStackError and <= CudaResult.LaunchFailed) or CudaResult.TensorMemoryLeak or CudaResult.Contained
        or CudaResult.MpsClientTerminated or CudaResult.ExternalDevice or CudaResult.EccUncorrectable;

    /// <summary>Every code that is known.</summary>
    public static IEnumerable<CudaResult> Known => table.Keys;
}
