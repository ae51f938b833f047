using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Runs the project's kernels, and NVIDIA's libraries, at usual sizes, on any device.</summary>
/// <param name="context">Of the device.</param>
/// <param name="libraries">NVIDIA's libraries; those that cannot be used are left out.</param>
/// <param name="side">Factor of the sides of matrices; everything else grows by its square. At 1 a workload is a few megabytes, which
/// suits the software GPU; at 16 it is some hundreds, which no cache holds.</param>
public sealed class KernelProfiler(CudaContext context, CudaLibraries libraries, int side = 1) : IDisposable
{
    // At side 16: 1 GiB.
    const long CopyBytes = 4 << 20;

    readonly Device device = Device.OpenCuda(context.Device, CudaLibraries.None, "profile");
    readonly IReadOnlyList<KernelWorkload> workloads = [.. KernelWorkloads.Of(side), .. new LibraryWorkloads(side, libraries).For(context.Device)];

    /// <summary>Names of the kernels that have a workload, and of what the libraries do.</summary>
    public static IReadOnlyList<string> Kernels { get; } = [.. KernelWorkloads.Of(1).Select(w => w.Kernel), .. LibraryWorkloads.Names];

    /// <summary>Whether the device has it: a library may be missing.</summary>
    public bool IsHere(string kernel) => workloads.Any(w => w.Kernel == kernel);

    /// <summary>Runs the workload of a kernel.</summary>
    /// <param name="kernel">One of <see cref="Kernels"/> that <see cref="IsHere"/>.</param>
    /// <param name="launches">Launches that are measured.</param>
    /// <param name="isWarm">Launches once beforehand, so that loading does not count.</param>
    /// <exception cref="CudaException">The device refused, or the software GPU found a fault.</exception>
    public KernelProfile Run(string kernel, int launches = 1, bool isWarm = false)
    {
        KernelWorkload workload = workloads.First(w => w.Kernel == kernel);
        using var memory = new WorkloadMemory(device);
        double milliseconds = Time(memory.Stream, kernel, workload.Prepare(memory), launches, isWarm);
        // A library does not tell which kernels it launches.
        CudaKernel? declared = workload.Family == LibraryWorkloads.Family ? null : memory.Library.Get(kernel);
        return new KernelProfile(kernel, workload.Family, workload.Shape, workload.Elements, workload.LeastLoaded, workload.LeastStored, workload.Operations,
            declared?.Registers ?? 0, declared?.SharedBytes ?? 0, declared?.LocalBytes ?? 0, milliseconds);
    }

    /// <summary>10⁹ bytes a second that the driver's copy within the device's memory reads and writes together: what a kernel that is
    /// bound by memory can hope for.</summary>
    public double CopyGigabytesPerSecond(int launches)
    {
        const string copy = "copy";
        long bytes = CopyBytes * side * side;
        using var memory = new WorkloadMemory(device);
        CudaStream stream = memory.Stream;
        var (to, from) = (CudaBackend.Pointer(memory.Output(checked((int)(bytes / 4)))), CudaBackend.Pointer(memory.Zeros(DType.Float32, (int)(bytes / 4))));
        double milliseconds = Time(stream, copy, () =>
        {
            stream.Observer?.Launching(stream, copy);
            stream.Copy(to, from, bytes);
            stream.Observer?.Launched(stream, copy);
        }, launches, isWarm: true);
        return 2 * bytes / milliseconds / 1e6;
    }

    double Time(CudaStream stream, string name, Action launch, int launches, bool isWarm)
    {
        using var timer = new LaunchTimer(context, name);
        if (isWarm)
            launch();
        stream.Observer = timer;
        for (int i = 0; i < launches; i++)
            launch();
        stream.Observer = null;
        stream.Synchronize();
        return timer.Median();
    }

    /// <summary>Unloads the kernels.</summary>
    public void Dispose() => device.Dispose();
}
