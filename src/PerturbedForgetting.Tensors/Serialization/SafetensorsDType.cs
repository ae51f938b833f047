namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>The item types of a safetensors file that this library reads and writes, named as in the format.</summary>
public enum SafetensorsDType
{
    /// <summary>IEEE 754 double precision.</summary>
    F64,

    /// <summary>IEEE 754 single precision.</summary>
    F32,

    /// <summary>IEEE 754 half precision.</summary>
    F16,

    /// <summary>The upper half of a single: 8 bits of exponent, 7 of fraction.</summary>
    BF16,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,
}

/// <summary>Sizes and names of <see cref="SafetensorsDType"/>.</summary>
public static class SafetensorsDTypes
{
    static readonly string[] Names = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"];

    /// <summary>Bytes of one item.</summary>
    public static int Size(this SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 or SafetensorsDType.I64 => 8,
        SafetensorsDType.F32 or SafetensorsDType.I32 => 4,
        SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.I16 => 2,
        _ => 1,
    };

    /// <summary>The name the format uses, such as <c>BF16</c> or <c>BOOL</c>.</summary>
    public static string Name(this SafetensorsDType dtype) => Names[(int)dtype];

    internal static string AllNames => string.Join(", ", Names);

    internal static bool TryParse(string? name, out SafetensorsDType dtype)
    {
        int index = Array.IndexOf(Names, name);
        dtype = (SafetensorsDType)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>Bytes of a tensor, or a negative number when the product does not fit 63 bits.</summary>
    internal static long ByteLength(this SafetensorsDType dtype, ReadOnlySpan<long> shape)
    {
        // A zero anywhere makes the tensor empty however large the other sizes are.
        if (shape.Contains(0))
            return 0;
        Int128 bytes = dtype.Size();
        foreach (long size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue)
                return -1;
        }
        return (long)bytes;
    }
}
