namespace PerturbedForgetting.Cuda;

/// <summary>Sees what is put on a stream (<see cref="CudaStream.Observer"/>), so that a profiler can put events around it.</summary>
public interface ILaunchObserver
{
    /// <summary>A launch follows.</summary>
    /// <param name="stream">The stream it goes to.</param>
    /// <param name="name">The kernel's name, or the library's and its operation's: <c>cublas sgemm</c>.</param>
    void Launching(CudaStream stream, string name);

    /// <summary>It was put on the stream, and has not run yet.</summary>
    /// <inheritdoc cref="Launching"/>
    void Launched(CudaStream stream, string name);

    /// <summary>What the launch that is announced next costs at the least, where its maker knows it.</summary>
    void Costs(in LaunchCost cost)
    {
    }
}
