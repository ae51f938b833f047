using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>Tensors of a workload on the device; freed together.</summary>
sealed class WorkloadMemory(Device device) : IDisposable
{
    const int Period = 1 << 20;

    readonly List<IDisposable> owned = [];

    public CudaBackend Backend => (CudaBackend)device.Backend;

    public KernelLibrary Library => Backend.Workplace.Kernels;

    public CudaStream Stream => Backend.Workplace.Stream;

    /// <summary>An input: numbers from -1 to 1, always the same; a large one repeats them.</summary>
    public Tensor Floats(params int[] shape)
    {
        Tensor tensor = Output(DType.Float32, shape);
        var values = new float[Math.Min(tensor.Count, Period)];
        var random = new System.Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = (2 * random.NextSingle()) - 1;
        Backend.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values), tensor);
        DevicePointer first = CudaBackend.Pointer(tensor);
        for (long done = values.Length; done < tensor.Count; done *= 2)
            Stream.Copy(first + (4 * done), first, 4 * Math.Min(done, tensor.Count - done));
        return tensor;
    }

    /// <summary>Classes of samples.</summary>
    public Tensor Labels(int samples, int classes) => Upload<int>([.. Enumerable.Range(0, samples).Select(i => i % classes)]);

    /// <summary>Zeros.</summary>
    public Tensor Zeros(DType type, params int[] shape) => Output(type, shape).Fill(0);

    /// <summary>Given numbers.</summary>
    public Tensor Upload<T>(params ReadOnlySpan<T> values) where T : unmanaged => Output(DTypes.Of<T>(), values.Length).CopyFrom(values);

    /// <summary>An output, of undefined content.</summary>
    public Tensor Output(params int[] shape) => Output(DType.Float32, shape);

    /// <inheritdoc cref="Output(int[])"/>
    public Tensor Output(DType type, params int[] shape) => Own(Tensor.Persistent(new Shape(shape), type, device));

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
