namespace PerturbedForgetting.Cuda;

/// <summary>An address in a device's memory (<c>CUdeviceptr</c>).</summary>
/// <param name="Address">The address; 0 is null.</param>
public readonly record struct DevicePointer(ulong Address)
{
    /// <summary>Points nowhere.</summary>
    public static DevicePointer Null => default;

    /// <summary>Whether it points nowhere.</summary>
    public bool IsNull => Address == 0;

    /// <summary>The address a number of bytes on.</summary>
    public static DevicePointer operator +(DevicePointer pointer, long bytes) => new(pointer.Address + (ulong)bytes);

    /// <inheritdoc/>
    public override string ToString() => $"0x{Address:x}";
}
