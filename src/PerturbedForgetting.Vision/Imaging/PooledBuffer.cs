using System.Buffers;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Growable arrays: grown when needed, kept otherwise. Small ones come from the shared pool, large ones are as large as they need
/// to be, where those of the pool could be twice that.</summary>
static class PooledBuffer
{
    const int Large = 1 << 22;

    /// <summary>Makes <paramref name="buffer"/> hold at least <paramref name="length"/> elements; contents are lost when it
    /// grows.</summary>
    public static void Ensure<T>(ref T[] buffer, int length)
    {
        if (buffer.Length >= length)
            return;
        Release(ref buffer);
        buffer = length > Large ? GC.AllocateUninitializedArray<T>(length) : ArrayPool<T>.Shared.Rent(length);
    }

    /// <summary>Returns the array to the pool, if it is of it, and leaves an empty one.</summary>
    public static void Release<T>(ref T[] buffer)
    {
        if (buffer.Length is > 0 and <= Large)
            ArrayPool<T>.Shared.Return(buffer);
        buffer = [];
    }
}
