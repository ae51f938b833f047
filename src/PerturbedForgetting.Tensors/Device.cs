using System.Collections.Concurrent;
using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cpu;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors;

/// <summary>Where tensors live and operations run. Code above the tensors names a device and otherwise does not care which it is.</summary>
/// <example><code>
/// using var device = Device.Open("auto");
/// using (Initialization.Begin(seed: 42, device))
///     model = ModelRegistry.Create("resnet50");
/// </code></example>
public sealed class Device : IDisposable
{
    static readonly ConcurrentDictionary<string, Func<DeviceOptions, Device>> others = new(StringComparer.Ordinal);

    readonly CudaWorkplace? workplace;

    Device(string name, Backend backend, CachingAllocator allocator, CudaWorkplace? workplace = null) =>
        (Name, Backend, Allocator, this.workplace) = (name, backend, allocator, workplace);

    /// <summary>The processor: SIMD kernels in C# on all cores.</summary>
    public static Device Cpu { get; } = new("cpu", CpuBackend.Of(DType.Float32), new CachingAllocator(new NativeMemorySource()));

    /// <summary>As on the command line: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public string Name { get; }

    /// <summary>Whether work is queued and the host goes on at once; then reading a tensor waits for what writes it.</summary>
    public bool IsAsynchronous => workplace is not null;

    /// <summary>Whether <see cref="Capture"/> works here.</summary>
    public bool SupportsGraphs => workplace is not null;

    /// <summary>Whether it only counts what it is asked for, so that results mean nothing.</summary>
    public bool IsCounting => workplace?.Context.Api.IsCounting ?? false;

    /// <summary>What a person should know about how it computes, such as a library that is missing; it may become more.</summary>
    public IReadOnlyList<string> Notes => workplace?.Notes ?? [];

    /// <summary>Adds to <see cref="Notes"/>; one that is there already is not said again.</summary>
    public void Note(string text) => workplace?.Backend.Note(text);

    /// <summary>Its operations on float32, and those that depend on no type; <see cref="Tensor.Backend"/> fits the tensor.</summary>
    internal Backend Backend { get; }

    internal CachingAllocator Allocator { get; }

    /// <summary>Live, cached and peak bytes of this device's tensors.</summary>
    public MemoryCounters Memory => Allocator.Counters;

    /// <summary>Bytes that the device has free, for any program; none where it shares the host's memory.</summary>
    /// <exception cref="CudaException">The driver fails.</exception>
    public long? FreeMemory => workplace?.Context.MemoryInfo.Free;

    /// <summary>What <see cref="Open"/> understands, whether or not it is there.</summary>
    public static IReadOnlyList<string> Names => ["auto", "cpu", "cuda", "cuda:N", .. others.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Whether a text can name a device.</summary>
    public static bool IsName(string text) => Names.Contains(text) ? text != "cuda:N" : Ordinal(text) is not null;

    static int? Ordinal(string name) =>
        name.StartsWith("cuda:", StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal) ? ordinal : null;

    /// <summary>Opens a device. The caller disposes it, after everything that lives on it.</summary>
    /// <param name="name"><c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>auto</c> (a GPU if there is one, else the CPU), or one that was
    /// registered.</param>
    /// <param name="options">How it computes.</param>
    /// <exception cref="DeviceException">There is no such device; the message says why.</exception>
    /// <exception cref="CudaException">The driver fails.</exception>
    public static Device Open(string name, DeviceOptions? options = null)
    {
        options ??= new DeviceOptions();
        if (others.TryGetValue(name, out var open))
            return open(options);
        var driver = CudaDriverApi.Installed;
        return name switch
        {
            "cpu" => Cpu,
            "auto" => driver.IsSupported && CudaDevice.All(driver).Count > 0 ? OpenGpu(driver, 0, options) : Cpu,
            "cuda" => OpenGpu(driver, 0, options),
            _ => OpenGpu(driver, Ordinal(name)
                ?? throw new DeviceException($"There is no device '{name}'; there are {string.Join(", ", Names)}."), options),
        };
    }

    /// <summary>Makes a device known by a name, for <see cref="Open"/>.</summary>
    public static void Register(string name, Func<DeviceOptions, Device> open) => others[name] = open;

    /// <summary>Opens a GPU of a driver, be it real or the software one.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="libraries">What computes beside the kernels; those that are missing are done without.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="options">How it computes.</param>
    /// <param name="owned">Something that the device disposes when it is disposed, such as the software GPU's driver.</param>
    /// <exception cref="CudaException">The driver fails.</exception>
    public static Device OpenCuda(CudaDevice gpu, CudaLibraries libraries, string name, DeviceOptions? options = null,
        IDisposable? owned = null)
    {
        var workplace = new CudaWorkplace(gpu, libraries, options ?? new DeviceOptions(), owned);
        return new Device(name, workplace.Backend, workplace.Allocator, workplace);
    }

    static Device OpenGpu(CudaDriverApi driver, int ordinal, DeviceOptions options)
    {
        var gpus = CudaDevice.All(driver);
        if (ordinal >= gpus.Count)
            throw new DeviceException(gpus.Count == 0
                ? $"There is no GPU for `device` cuda: {(driver.IsSupported ? "the driver shows none" : driver.Origin)}. "
                    + "Use `device` cpu, or `device` sim for the software GPU."
                : $"There is no device 'cuda:{ordinal}': the driver shows {gpus.Count} GPU(s), 'cuda:0' to 'cuda:{gpus.Count - 1}'.");
        return OpenCuda(gpus[ordinal], CudaLibraries.Installed, $"cuda:{ordinal}", options);
    }

    /// <summary>Waits until everything that was started is done.</summary>
    /// <exception cref="CudaException">Something that was started failed.</exception>
    /// <exception cref="CommunicationException">Some of it was ended because another process is gone.</exception>
    public void Synchronize() => workplace?.Synchronize();

    /// <summary>Records the device's part of some work instead of doing it. The work must not read results, and what it allocates must
    /// lie in a pool of its own (<see cref="UsePool"/>) that has been through the same work once.</summary>
    /// <exception cref="NotSupportedException">The device has no graphs.</exception>
    /// <exception cref="CudaException">The driver refuses it (<see cref="IsRefusal"/>): nothing was recorded, and nothing done.</exception>
    /// <exception cref="CudaLibraryException">A library cannot be recorded; likewise.</exception>
    public DeviceGraph Capture(Action work) =>
        (workplace ?? throw new NotSupportedException($"{Name} has no graphs: work runs at once there.")).Capture(work);

    /// <summary>Whether <see cref="Capture"/> or <see cref="DeviceGraph.Launch"/> failed because the device, its driver or a library does
    /// not take the work as a graph, or the work has a part for the host, so that it may still be done without: not where the device is
    /// lost.</summary>
    public static bool IsRefusal(Exception exception) =>
        exception is CudaLibraryException or OutOfMemoryException or NotSupportedException
        || (exception is CudaException { Result: var code } && !CudaErrors.IsSticky(code));

    /// <summary>A pool whose memory is given to nobody else, for what a graph uses.</summary>
    public MemoryPool CreatePool() => new(Allocator);

    /// <summary>Until the result is disposed, new tensors of this device come from a pool.</summary>
    public MemoryPool.Use UsePool(MemoryPool pool) => new(Allocator, pool);

    /// <summary>Starts a new peak from the bytes now live.</summary>
    public void ResetPeak() => Allocator.ResetPeak();

    /// <summary>Gives cached, unused memory back to the system.</summary>
    public void Trim() => Allocator.Trim();

    /// <summary>Frees the device's memory and closes it; the CPU stays.</summary>
    public void Dispose() => workplace?.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Name;
}
