using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tensors;

/// <summary>Recorded work of a device that is started again as a whole, with one call; made by <see cref="Device.Capture"/>.</summary>
public sealed class DeviceGraph : IDisposable
{
    readonly CudaGraphExecutable executable;
    readonly CudaStream stream;
    readonly GraphLaunches launches;

    internal DeviceGraph(CudaGraphExecutable executable, CudaStream stream, GraphLaunches launches) =>
        (this.executable, this.stream, this.launches) = (executable, stream, launches);

    /// <summary>Does the recorded work again, on the same memory.</summary>
    public void Launch()
    {
        executable.Launch(stream);
        launches.Add();
    }

    /// <summary>Forgets it.</summary>
    public void Dispose() => executable.Dispose();
}
