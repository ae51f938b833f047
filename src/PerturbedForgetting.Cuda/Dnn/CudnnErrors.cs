namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>The statuses of cuDNN: their names in C, and what a user can do about each.</summary>
static class CudnnErrors
{
    /// <summary>A status as the header calls it: <c>CUDNN_STATUS_BAD_PARAM</c>.</summary>
    public static string NameOf(CudnnStatus status) => StatusNames.Of("CUDNN_STATUS", status) ?? "CUDNN_STATUS_UNKNOWN";

    /// <summary>What a user can do about a status.</summary>
    public static string RemedyFor(CudnnStatus status) => status switch
    {
        CudnnStatus.NotInitialized => "cuDNN could not start: look for an earlier error of the GPU, and whether its memory is full.",
        CudnnStatus.SublibraryVersionMismatch or CudnnStatus.SublibraryLoadingFailed or CudnnStatus.NotSupportedSublibraryUnavailable =>
            "The parts of cuDNN (libcudnn_ops, libcudnn_cnn, ...) must lie beside libcudnn and be of one version: install cuDNN 9 anew, " +
            "and remove other versions from the library path.",
        CudnnStatus.NotSupportedIncompatibleCudaDriver => "Update the NVIDIA driver.",
        CudnnStatus.NotSupportedIncompatibleCudart => "Install cuDNN for the CUDA version of the driver.",
        CudnnStatus.NotSupportedArchMismatch => "This cuDNN has no code for this GPU: install a newer one.",
        CudnnStatus.InternalErrorHostAllocationFailed or CudnnStatus.InternalErrorDeviceAllocationFailed =>
            "Use a smaller batch, or close other programs that use the GPU.",
        _ => ((int)status / 1000) switch
        {
            2 => "An argument is wrong; this is a fault of the caller.",
            3 => $"cuDNN cannot do this; with {EnvironmentVariables.Cudnn}=none the project's own convolution is used.",
            5 =>
                "Work on the GPU failed, perhaps earlier work: run the same on the software GPU (`device` sim), which names the place, " +
                "or under compute-sanitizer.",
            _ =>
                "cuDNN itself failed: install another version of cuDNN 9, or use the project's own convolution with " +
                $"{EnvironmentVariables.Cudnn}=none.",
        },
    };
}
