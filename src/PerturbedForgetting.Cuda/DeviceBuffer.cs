using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>An array in a device's memory.</summary>
/// <typeparam name="T">Type of the elements.</typeparam>
public sealed unsafe class DeviceBuffer<T> : CudaResource where T : unmanaged
{
    readonly ulong address;

    internal DeviceBuffer(CudaContext context, long count) : base(context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        context.MakeCurrent();
        ulong made;
        Api.Check(Api.Call.MemAlloc(&made, (nuint)Bytes));
        address = made;
    }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Size in bytes.</summary>
    public long Bytes => Count * Unsafe.SizeOf<T>();

    /// <summary>Address of the first element.</summary>
    public DevicePointer Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return new(address);
        }
    }

    /// <summary>As an argument of a kernel.</summary>
    public static implicit operator KernelArgument(DeviceBuffer<T> buffer) => buffer.Pointer;

    /// <summary>Its address.</summary>
    public static implicit operator DevicePointer(DeviceBuffer<T> buffer) => buffer.Pointer;

    /// <summary>Copies an array of the host here, from element <paramref name="start"/> on, and waits for it, so that what any stream is
    /// given from now on comes behind it. Itself it comes behind work of the default stream and of streams that block, not of
    /// others.</summary>
    public void Upload(ReadOnlySpan<T> source, long start = 0)
    {
        CheckRange(start, source.Length);
        Use();
        fixed (T* first = source)
        {
            if (first is null)
                return;
            Api.Check(Api.Call.MemcpyHtoD(At(start), first, (nuint)source.Length * (nuint)sizeof(T)));
        }
        // Of memory that is not pinned the driver makes a copy of its own, and returns before that has reached the device.
        Context.DefaultStream.Synchronize();
    }

    /// <summary>Copies elements from <paramref name="start"/> on to an array of the host, and waits for it. It comes behind work of the
    /// default stream and of streams that block, not of others.</summary>
    public void Download(Span<T> destination, long start = 0)
    {
        CheckRange(start, destination.Length);
        Use();
        fixed (T* first = destination)
        {
            if (first is not null)
                Api.Check(Api.Call.MemcpyDtoH(first, At(start), (nuint)destination.Length * (nuint)sizeof(T)));
        }
    }

    /// <summary>All elements, copied to the host.</summary>
    public T[] ToArray()
    {
        var result = new T[Count];
        Download(result);
        return result;
    }

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.MemFree(address);

    ulong At(long element) => address + (ulong)(element * sizeof(T));

    void CheckRange(long start, long count)
    {
        if (start < 0 || count > Count - start)
            throw new ArgumentOutOfRangeException(nameof(count),
                $"{count} elements from {start} on do not fit into a device buffer of {Count}.");
    }
}
