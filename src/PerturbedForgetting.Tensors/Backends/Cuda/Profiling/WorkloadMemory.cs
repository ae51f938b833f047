using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Arrays of a workload on the device; freed together.</summary>
sealed class WorkloadMemory(KernelLibrary library, CudaStream stream) : IDisposable
{
    readonly List<IDisposable> owned = [];

    public KernelLibrary Library => library;

    public CudaStream Stream => stream;

    /// <summary>An input: numbers from -1 to 1, always the same.</summary>
    public DevicePointer Floats(long count)
    {
        var values = new float[count];
        var random = new System.Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = (2 * random.NextSingle()) - 1;
        return Upload<float>(values);
    }

    /// <summary>Given numbers.</summary>
    public DevicePointer Upload<T>(params ReadOnlySpan<T> values) where T : unmanaged => Own(stream.Context.Allocate(values)).Pointer;

    /// <summary>An output, of undefined content.</summary>
    public DevicePointer Output<T>(long count) where T : unmanaged => Own(stream.Context.Allocate<T>(count)).Pointer;

    /// <summary>Disposes it with the workload.</summary>
    public T Own<T>(T thing) where T : IDisposable
    {
        owned.Add(thing);
        return thing;
    }

    public void Dispose()
    {
        foreach (IDisposable thing in owned)
            thing.Dispose();
        owned.Clear();
    }
}
