using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>An array in pinned memory of the host: a stream copies from and to it while the host goes on.</summary>
/// <typeparam name="T">Type of the elements.</typeparam>
public sealed unsafe class PinnedBuffer<T> : CudaResource where T : unmanaged
{
    readonly T* pointer;

    internal PinnedBuffer(CudaContext context, int count, CudaHostFlags flags) : base(context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        context.MakeCurrent();
        void* made;
        Api.Check(Api.Call.MemHostAlloc(&made, (nuint)count * (nuint)sizeof(T), flags));
        pointer = (T*)made;
    }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>Address of the first element.</summary>
    public T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return pointer;
        }
    }

    /// <summary>The elements.</summary>
    public Span<T> Span => new(Pointer, Count);

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.MemFreeHost(pointer);
}
