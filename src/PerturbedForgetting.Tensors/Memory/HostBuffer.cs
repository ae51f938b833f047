using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Memory;

/// <summary>
/// Memory of the host that a device copies from by itself while the host goes on: page-locked where the device is a GPU. Whoever
/// fills it anew waits first until the device has read what it held (<see cref="WaitUntilRead"/>).
/// </summary>
public abstract unsafe class HostBuffer : IDisposable
{
    /// <summary>Wraps memory.</summary>
    internal HostBuffer(void* pointer, long bytes)
    {
        Pointer = (byte*)pointer;
        Bytes = bytes;
    }

    /// <summary>Size.</summary>
    public long Bytes { get; }

    internal byte* Pointer { get; private set; }

    /// <summary>Memory that a device copies from, aligned to 64 bytes at least, of undefined content. The caller disposes it.</summary>
    /// <param name="device">The device that will read it.</param>
    /// <param name="bytes">Size, at least 1.</param>
    public static HostBuffer Allocate(Device device, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        return device.Backend.AllocateHost(bytes);
    }

    /// <summary>A part of the memory.</summary>
    /// <exception cref="ObjectDisposedException">It was freed.</exception>
    public Span<T> Span<T>(long offsetBytes, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(Pointer is null, this);
        if (offsetBytes < 0 || count < 0 || offsetBytes + (long)count * sizeof(T) > Bytes)
            throw new ArgumentOutOfRangeException(nameof(count),
                $"{count} elements at byte {offsetBytes} do not fit into {Bytes} bytes of host memory.");
        return new(Pointer + offsetBytes, count);
    }

    /// <summary>Waits until the device has read what it was told to read. Any thread may wait, and several at once.</summary>
    public abstract void WaitUntilRead();

    /// <summary>Frees the memory, when the device has read it.</summary>
    public void Dispose()
    {
        if (Pointer is null)
            return;
        Free();
        Pointer = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory, when the device has read it.</summary>
    internal abstract void Free();
}

/// <summary>Memory for a device that reads it in the call that names it, so that there is never anything to wait for.</summary>
unsafe sealed class NativeHostBuffer(long bytes) : HostBuffer(NativeMemory.AlignedAlloc((nuint)bytes, 64), bytes)
{
    public override void WaitUntilRead()
    {
    }

    internal override void Free() => NativeMemory.AlignedFree(Pointer);
}
