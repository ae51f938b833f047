using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Catalogue;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Runs operations of the catalogue at usual sizes, on any GPU, and looks at the launches of a kernel or of NVIDIA's
/// libraries.</summary>
/// <param name="context">Of the device.</param>
/// <param name="libraries">NVIDIA's libraries; those that cannot be used are left out.</param>
/// <param name="side">Factor of the sides of matrices; everything else grows by its square. At 1 a workload is a few megabytes, which
/// suits the software GPU; at 16 it is some hundreds, which no cache holds.</param>
public sealed class KernelProfiler(CudaContext context, CudaLibraries libraries, int side = 1) : IDisposable
{
    // At side 16: 1 GiB.
    const int CopyBytes = 4 << 20;

    readonly Dictionary<ProductUnits, Device> devices = [];

    /// <summary>Names of the kernels that have a workload, and of what the libraries do.</summary>
    public static IReadOnlyList<string> Kernels { get; } = [.. Workloads.Select(static w => w.Launch.Name)];

    static IEnumerable<(Operation Operation, KernelWorkload Workload, KernelLaunch Launch)> Workloads =>
        from operation in OperationCatalogue.All
        from workload in operation.Workloads
        from launch in workload.Launches
        select (operation, workload, launch);

    /// <summary>Whether the device has it: a library may be missing.</summary>
    public bool IsHere(string kernel) => Find(kernel).Workload.Family != KernelWorkload.Library
        || Workplace(Open(ProductUnits.Libraries)).Backend.Uses(kernel.StartsWith("cublas", StringComparison.Ordinal)
            ? CudaLibrary.Cublas
            : CudaLibrary.Cudnn);

    /// <summary>Runs the workload of a kernel.</summary>
    /// <param name="kernel">One of <see cref="Kernels"/> that <see cref="IsHere"/>.</param>
    /// <param name="launches">Passes that are measured; in each the kernel is launched once, as a rule.</param>
    /// <param name="isWarm">Launches once beforehand, so that loading does not count.</param>
    /// <exception cref="CudaException">The device refused, or the software GPU found a fault.</exception>
    public KernelProfile Run(string kernel, int launches = 1, bool isWarm = false)
    {
        (Operation operation, KernelWorkload workload, KernelLaunch launch) = Find(kernel);
        Device device = Open(workload.Units);
        Shape[] shapes = workload.Shapes(side);
        using var run = new WorkloadRun(operation, workload, shapes, device);
        using var timer = new LaunchTimer(context, kernel);
        Time(device, timer, () => run.Pass(launch.IsBackward), launches, isWarm);
        // A library does not tell which kernels it launches.
        CudaKernel? declared = workload.Family == KernelWorkload.Library ? null : Workplace(device).Kernels.Get(kernel);
        return new KernelProfile(kernel, workload.Family, workload.Words(shapes), workload.Elements(shapes),
            launch.Loaded, launch.Stored, launch.Operations(shapes),
            declared?.Registers ?? 0, declared?.SharedBytes ?? 0, declared?.LocalBytes ?? 0, timer.Median() * timer.Launches / launches)
        {
            Stated = timer.Cost,
        };
    }

    /// <summary>10⁹ bytes a second that the driver's copy within the device's memory reads and writes together: what a kernel that is
    /// bound by memory can hope for.</summary>
    public double CopyGigabytesPerSecond(int launches)
    {
        const string copy = "copy";
        Device device = Open(ProductUnits.Tf32);
        CudaStream stream = Workplace(device).Stream;
        Shape bytes = new(checked(CopyBytes * side * side));
        using Tensor from = Tensor.Persistent(bytes, DType.UInt8, device).Fill(0), to = Tensor.Persistent(bytes, DType.UInt8, device);
        using var timer = new LaunchTimer(context, copy);
        Time(device, timer, () =>
        {
            stream.Observer?.Launching(stream, copy);
            to.CopyFrom(from);
            stream.Observer?.Launched(stream, copy);
        }, launches, isWarm: true);
        return 2 * bytes.Count / timer.Median() / 1e6;
    }

    static void Time(Device device, LaunchTimer timer, Action pass, int launches, bool isWarm)
    {
        CudaStream stream = Workplace(device).Stream;
        if (isWarm)
            pass();
        stream.Observer = timer;
        for (int i = 0; i < launches; i++)
            pass();
        stream.Observer = null;
        stream.Synchronize();
        device.Trim();
    }

    static (Operation Operation, KernelWorkload Workload, KernelLaunch Launch) Find(string kernel) =>
        Workloads.First(w => w.Launch.Name == kernel);

    static CudaWorkplace Workplace(Device device) => ((CudaBackend)device.Backend).Workplace;

    Device Open(ProductUnits units)
    {
        if (!devices.TryGetValue(units, out Device? device))
        {
            DeviceOptions options = new()
            {
                AllowTf32 = units != ProductUnits.Float32,
                RoundsAttentionToBfloat16 = units == ProductUnits.Bfloat16,
            };
            CudaLibraries beside = units == ProductUnits.Libraries ? libraries : CudaLibraries.None;
            devices.Add(units, device = Device.OpenCuda(context.Device, beside, "profile", options));
        }
        return device;
    }

    /// <summary>Unloads the kernels.</summary>
    public void Dispose()
    {
        foreach (Device device in devices.Values)
            device.Dispose();
    }
}
