using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Arrays of a workload on the device; freed together.</summary>
sealed class WorkloadMemory(KernelLibrary library, CudaStream stream) : IDisposable
{
    const int Period = 1 << 20;

    readonly List<IDisposable> owned = [];

    public KernelLibrary Library => library;

    public CudaStream Stream => stream;

    /// <summary>An input: numbers from -1 to 1, always the same; a large one repeats them.</summary>
    public DevicePointer Floats(long count)
    {
        var values = new float[Math.Min(count, Period)];
        var random = new System.Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = (2 * random.NextSingle()) - 1;
        DeviceBuffer<float> buffer = Own(stream.Context.Allocate<float>(count));
        buffer.Upload(values);
        for (long done = values.Length; done < count; done *= 2)
            stream.Copy(buffer.Pointer + (4 * done), buffer.Pointer, 4 * Math.Min(done, count - done));
        return buffer.Pointer;
    }

    /// <summary>Classes of samples.</summary>
    public DevicePointer Labels(int samples, int classes) => Upload<int>([.. Enumerable.Range(0, samples).Select(i => i % classes)]);

    /// <summary>Zeros of 32 bits.</summary>
    public DevicePointer Zeros(long count)
    {
        DevicePointer zeros = Output<uint>(count);
        stream.FillWords(zeros, 0, count);
        return zeros;
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
