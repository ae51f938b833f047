using System.Buffers;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Growable arrays from the shared pool: grown when needed, kept otherwise.</summary>
static class PooledBuffer
{
    /// <summary>Makes <paramref name="buffer"/> hold at least <paramref name="length"/> elements; contents are lost when it
    /// grows.</summary>
    public static void Ensure<T>(ref T[] buffer, int length)
    {
        if (buffer.Length >= length)
            return;
        Release(ref buffer);
        buffer = ArrayPool<T>.Shared.Rent(length);
    }

    /// <summary>Returns the array to the pool and leaves an empty one.</summary>
    public static void Release<T>(ref T[] buffer)
    {
        if (buffer.Length > 0)
            ArrayPool<T>.Shared.Return(buffer);
        buffer = [];
    }
}
