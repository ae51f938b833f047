namespace PerturbedForgetting.Cuda.Driver;

/// <summary>The driver's status codes: their names in C, and what a user can do about each.</summary>
public static class CudaErrors
{
    const string KernelBug =
        "A kernel is wrong, or the GPU fails (the system's log then has an Xid); the context is lost and the process must be restarted. " +
        "Run the same work on the software GPU, which names the kernel, line, block and thread, or under compute-sanitizer.";

    /// <summary>Name of a code as in the header: <c>CUDA_ERROR_INVALID_VALUE</c>; null for a code that is not known.</summary>
    public static string? NameOf(CudaResult result) => StatusNames.Of(result == CudaResult.Success ? "CUDA" : "CUDA_ERROR", result);

    /// <summary>What a user can do about a code; empty when nothing is known.</summary>
    public static string RemedyFor(CudaResult result) => result switch
    {
        CudaResult.InvalidValue => "An argument is wrong (null pointer, size, dimension 0, unknown flag); this is a fault of the caller.",
        CudaResult.OutOfMemory => "Use a smaller batch, or close other programs that use the GPU.",
        CudaResult.NotInitialized => "The driver was not initialised, or could not be; look at the first error.",
        CudaResult.Deinitialized => "The process is shutting down; release GPU resources before it ends.",
        CudaResult.StubLibrary => "The link-time stub of libcuda was loaded; remove the toolkit's 'stubs' folder from the library path.",
        CudaResult.CallRequiresNewerDriver => "Update the NVIDIA driver.",
        CudaResult.DeviceUnavailable => "Another process has the GPU for itself; see 'nvidia-smi -q -d COMPUTE'.",
        CudaResult.NoDevice =>
            "No NVIDIA GPU is visible: install the driver, look at CUDA_VISIBLE_DEVICES, or start the container with GPUs.",
        CudaResult.InvalidDevice => "There is no GPU of this number.",
        CudaResult.InvalidImage => "The module is no PTX or cubin, or is cut short, or lacks the closing NUL byte.",
        CudaResult.InvalidContext => "No context is current on this thread; make the context current first.",
        CudaResult.MapFailed or CudaResult.UnmapFailed => "Look at the error before this one.",
        CudaResult.NoBinaryForGpu => "The module has no code for this GPU; the kernels need compute capability 8.0 or newer.",
        CudaResult.EccUncorrectable => "The GPU's memory has a hardware fault; reset or replace the GPU.",
        CudaResult.PeerAccessUnsupported => "These two GPUs cannot reach each other's memory; copy through the host.",
        CudaResult.InvalidPtx => "The driver cannot compile the PTX; its log says where.",
        CudaResult.NvlinkUncorrectable => "NVLink has a hardware fault.",
        CudaResult.JitCompilerNotFound =>
            "libnvidia-ptxjitcompiler is missing; complete the driver's installation, or the container's libraries.",
        CudaResult.UnsupportedPtxVersion => "The PTX is newer than the driver; update the NVIDIA driver.",
        CudaResult.JitCompilationDisabled => "CUDA_DISABLE_PTX_JIT is set; unset it.",
        CudaResult.Contained => "The GPU contained a fault; restart the process.",
        CudaResult.FileNotFound => "The module's file is missing.",
        CudaResult.SharedObjectSymbolNotFound => "The module names a symbol that nothing defines.",
        CudaResult.SharedObjectInitFailed => "A library of the driver cannot be loaded; reinstall the driver.",
        CudaResult.OperatingSystem =>
            "The operating system refused a call; look at the rights of /dev/nvidia* and the limit of locked memory.",
        CudaResult.InvalidHandle => "A stream, event, module or graph was already destroyed or is another context's.",
        CudaResult.IllegalState => "The resource is in a state in which this cannot be done.",
        CudaResult.NotFound => "The module has no kernel or variable of this name; it must be extern \"C\" __global__.",
        CudaResult.NotReady => "The work is not finished.",
        CudaResult.IllegalAddress or CudaResult.HardwareStackError or CudaResult.IllegalInstruction or CudaResult.InvalidAddressSpace
            or CudaResult.InvalidPc or CudaResult.LaunchFailed or CudaResult.TensorMemoryLeak => KernelBug,
        CudaResult.LaunchOutOfResources =>
            "The block needs too many threads, registers or bytes of shared memory; use a smaller block, or raise the kernel's limit of " +
            "dynamic shared memory.",
        CudaResult.LaunchTimeout => "The kernel ran longer than the display driver allows; use a GPU without a display.",
        CudaResult.PeerAccessAlreadyEnabled => "Nothing needs to be done.",
        CudaResult.PeerAccessNotEnabled => "Enable peer access first.",
        CudaResult.PrimaryContextActive => "The flags of a context must be set before its first use.",
        CudaResult.ContextIsDestroyed => "The context was reset; everything in it must be made anew.",
        CudaResult.Assert => "An assertion in a kernel failed; the process must be restarted.",
        CudaResult.HostMemoryAlreadyRegistered => "This host memory is pinned already.",
        CudaResult.HostMemoryNotRegistered => "This host memory was not pinned.",
        CudaResult.MisalignedAddress => "A vector access is not aligned to its size. " + KernelBug,
        CudaResult.CooperativeLaunchTooLarge => "Not all blocks fit on the GPU at once; use fewer.",
        CudaResult.NotPermitted => "This operation is not allowed here.",
        CudaResult.NotSupported => "This GPU or system cannot do it.",
        CudaResult.SystemNotReady => "Start nvidia-fabricmanager.",
        CudaResult.SystemDriverMismatch =>
            "The kernel module and the driver's library are of different versions; restart the machine or reinstall the driver.",
        CudaResult.CompatNotSupportedOnDevice => "This GPU does not take the cuda-compat library; remove it from the library path.",
        CudaResult.MpsClientTerminated => "The MPS server ended this client; restart the process.",
        CudaResult.StreamCaptureUnsupported =>
            "This call cannot be captured into a graph (synchronising, allocating or querying while a stream is captured).",
        CudaResult.StreamCaptureInvalidated => "An earlier call made the capture useless; look at that call's error.",
        CudaResult.StreamCaptureMerge => "Two captures would be joined by an event; capture them apart.",
        CudaResult.StreamCaptureUnmatched => "The capture must end on the stream on which it began.",
        CudaResult.StreamCaptureUnjoined => "A side stream of the capture was not joined to the first one by an event.",
        CudaResult.StreamCaptureIsolation => "The captured work would depend on work outside the capture.",
        CudaResult.StreamCaptureImplicit => "The default stream would wait for a captured stream; use streams that do not block.",
        CudaResult.CapturedEvent => "The event was recorded in a capture and cannot be waited for outside.",
        CudaResult.StreamCaptureWrongThread => "The capture must end on the thread on which it began.",
        CudaResult.GraphExecUpdateFailure => "The graph has another shape than the instantiated one; instantiate it anew.",
        CudaResult.ExternalDevice => "A device outside CUDA failed; restart the process.",
        CudaResult.InvalidClusterSize => "The GPU does not take this size of cluster.",
        CudaResult.FunctionNotLoaded => "The kernel is loaded lazily; read one of its attributes first.",
        CudaResult.Unknown => "The driver does not say more; the system's log (Xid) may. Restart the process.",
        _ => "",
    };

    /// <summary>True for the codes after which the context is dead and every call returns the same code.</summary>
    public static bool IsSticky(CudaResult result) => result is CudaResult.IllegalAddress or CudaResult.LaunchTimeout or CudaResult.Assert
        or (>= CudaResult.HardwareStackError and <= CudaResult.LaunchFailed) or CudaResult.TensorMemoryLeak or CudaResult.Contained
        or CudaResult.MpsClientTerminated or CudaResult.ExternalDevice or CudaResult.EccUncorrectable or CudaResult.Unknown;
}
