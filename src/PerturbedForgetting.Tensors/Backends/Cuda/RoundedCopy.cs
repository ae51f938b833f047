using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Memory of a stream's own in which float32 values are rounded to bfloat16, to the nearest and of two to the even one, and from
/// which they are taken again. It grows as needed and is not given back, because graphs may hold it: the first call of the longest tensor
/// comes before the first capture.</summary>
sealed class RoundedCopy(CudaWorkplace workplace, CudaStream stream) : IDisposable
{
    const int Threads = 256, ElementsPerThread = 4;

    readonly List<DeviceBuffer<byte>> outgrown = [];
    DeviceBuffer<byte>? narrow, wide;

    /// <summary>The values, rounded.</summary>
    public DevicePointer Round(Tensor values)
    {
        DevicePointer rounded = Place(ref narrow, values.Count * sizeof(ushort)), source = CudaBackend.Pointer(values);
        // The kernels take four elements at once.
        if (!VectorAccess.Fits(values))
        {
            DevicePointer aligned = Place(ref wide, values.Count * sizeof(float));
            stream.Copy(aligned, source, values.Count * sizeof(float));
            source = aligned;
        }
        Launch("memory_cast_f32_bf16", values.Count, sizeof(float), sizeof(ushort), rounded, source, values.Count);
        return rounded;
    }

    /// <summary>Puts what the rounded copy holds now, times a factor, back into the values.</summary>
    public void Widen(Tensor values, float factor)
    {
        DevicePointer target = VectorAccess.Fits(values) ? CudaBackend.Pointer(values) : wide!.Pointer;
        Launch("memory_cast_bf16_f32", values.Count, sizeof(ushort), sizeof(float), target, narrow!.Pointer, values.Count);
        if (factor != 1)
            Launch("elementwise_scale", values.Count, sizeof(float), sizeof(float), target, target, factor, values.Count);
        if (!VectorAccess.Fits(values))
            stream.Copy(CudaBackend.Pointer(values), target, values.Count * sizeof(float));
    }

    void Launch(string kernel, long count, int loaded, int stored, params ReadOnlySpan<KernelArgument> arguments) =>
        workplace.Kernels.Get(kernel).Launch(stream.Moving(count * loaded, count * stored),
            LaunchGrid.Blocks(count, ElementsPerThread * Threads), Threads, 0, arguments);

    DevicePointer Place(ref DeviceBuffer<byte>? buffer, long bytes)
    {
        if (buffer is null || buffer.Count < bytes)
        {
            if (buffer is not null)
                outgrown.Add(buffer);
            buffer = workplace.Context.Allocate<byte>(bytes);
        }
        return buffer.Pointer;
    }

    public void Dispose()
    {
        narrow?.Dispose();
        wide?.Dispose();
        foreach (DeviceBuffer<byte> buffer in outgrown)
            buffer.Dispose();
    }
}
