using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors;

/// <summary>A device that was asked for cannot be used here, or failed at its work; the message says why and what to do.</summary>
public sealed class DeviceException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether an exception says that a device failed or has no memory left.</summary>
    public static bool IsDeviceFailure(Exception exception) =>
        exception is DeviceException or CudaException or CudaLibraryException or OutOfMemoryException;
}
