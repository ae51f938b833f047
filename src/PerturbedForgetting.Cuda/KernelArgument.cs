using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda;

/// <summary>One argument of a kernel, by value. Converted implicitly from the types a kernel may take, so that
/// <c>kernel.Launch(stream, grid, block, 0, x, y, count, scale)</c> allocates nothing.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public readonly struct KernelArgument
{
    // The driver reads the value from the argument's address, so it must come first.
    [FieldOffset(0)] readonly ulong bits;
    [FieldOffset(0)] readonly uint bits32;
    [FieldOffset(0)] readonly float single;
    [FieldOffset(0)] readonly double real;

    [FieldOffset(8)] readonly int size;
    [FieldOffset(12)] readonly bool isIndirect;
    [FieldOffset(13)] readonly bool isPointer;

    KernelArgument(ulong value, bool isPointer = false) => (bits, size, this.isPointer) = (value, 8, isPointer);

    KernelArgument(uint value) => (bits32, size) = (value, 4);

    KernelArgument(float value) => (single, size) = (value, 4);

    KernelArgument(double value) => (real, size) = (value, 8);

    KernelArgument(ulong address, int size) => (bits, this.size, isIndirect) = (address, size, true);

    /// <summary>A parameter that is a structure, of the same layout as the kernel's; it is read when the kernel is launched.</summary>
    /// <param name="value">Where it stands; on the stack, or pinned, until the launch returns.</param>
    public static unsafe KernelArgument Structure<T>(T* value) where T : unmanaged => new((ulong)value, sizeof(T));

    /// <summary>Whether <see cref="Bits"/> is the address of the value.</summary>
    internal bool IsIndirect => isIndirect;

    /// <summary>Whether it is an address in the device's memory.</summary>
    public bool IsPointer => isPointer;

    /// <summary>Size of the value in bytes.</summary>
    public int Size => size;

    /// <summary>The value's bits, zero-extended.</summary>
    public ulong Bits => bits;

    /// <summary>A pointer parameter.</summary>
    public static implicit operator KernelArgument(DevicePointer value) => new(value.Address, isPointer: true);

    /// <summary>An <c>int</c> parameter.</summary>
    public static implicit operator KernelArgument(int value) => new((uint)value);

    /// <summary>An <c>unsigned</c> parameter.</summary>
    public static implicit operator KernelArgument(uint value) => new(value);

    /// <summary>A <c>long long</c> parameter.</summary>
    public static implicit operator KernelArgument(long value) => new((ulong)value);

    /// <summary>An <c>unsigned long long</c> parameter.</summary>
    public static implicit operator KernelArgument(ulong value) => new(value);

    /// <summary>A <c>float</c> parameter.</summary>
    public static implicit operator KernelArgument(float value) => new(value);

    /// <summary>A <c>double</c> parameter.</summary>
    public static implicit operator KernelArgument(double value) => new(value);
}
