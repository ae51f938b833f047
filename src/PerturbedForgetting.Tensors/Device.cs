using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cpu;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors;

/// <summary>Where tensors live and operations run. Code above the tensors names a device and otherwise does not care which it is.</summary>
public sealed class Device
{
    /// <summary>The processor: SIMD kernels in C# on all cores.</summary>
    public static Device Cpu { get; } = new("cpu", new CpuBackend(), new CachingAllocator(new NativeMemorySource()));

    internal Device(string name, Backend backend, CachingAllocator allocator)
    {
        Name = name;
        Backend = backend;
        Allocator = allocator;
    }

    /// <summary>As on the command line: <c>cpu</c>.</summary>
    public string Name { get; }

    internal Backend Backend { get; }

    internal CachingAllocator Allocator { get; }

    /// <summary>Live, cached and peak bytes of this device's tensors.</summary>
    public MemoryCounters Memory => Allocator.Counters;

    /// <summary>Starts a new peak from the bytes now live.</summary>
    public void ResetPeak() => Allocator.ResetPeak();

    /// <summary>Gives cached, unused memory back to the system.</summary>
    public void Trim() => Allocator.Trim();

    /// <summary>The device with a name of the command line.</summary>
    /// <exception cref="ArgumentException">There is no such device here.</exception>
    public static Device Parse(string name) => name switch
    {
        "cpu" or "auto" => Cpu,
        _ => throw new ArgumentException($"There is no device '{name}'; use 'cpu', or 'auto' for the best one found."),
    };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
