using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors;

/// <summary>Recorded work of a device that is started again as a whole, with one call; made by <see cref="Device.Capture"/>.</summary>
public sealed class DeviceGraph : IDisposable
{
    readonly CudaGraphExecutable executable;
    readonly CudaStream stream;

    internal DeviceGraph(CudaGraphExecutable executable, CudaStream stream) => (this.executable, this.stream) = (executable, stream);

    /// <summary>Does the recorded work again, on the same memory.</summary>
    public void Launch() => executable.Launch(stream);

    /// <summary>Forgets it.</summary>
    public void Dispose() => executable.Dispose();
}
