namespace PerturbedForgetting.Tensors;

/// <summary>Element types. Training uses float32; float64 is for checks, integers for labels and counters, bytes for images.</summary>
public enum DType : byte
{
    /// <summary>IEEE single precision.</summary>
    Float32,
    /// <summary>IEEE double precision.</summary>
    Float64,
    /// <summary>Signed 32 bits.</summary>
    Int32,
    /// <summary>Signed 64 bits.</summary>
    Int64,
    /// <summary>Unsigned 8 bits.</summary>
    UInt8,
}

/// <summary>Sizes and .NET types of <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType type) => type switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.Float64 or DType.Int64 => 8,
        _ => 1,
    };

    /// <summary>Whether gradients exist for this type.</summary>
    public static bool IsFloating(this DType type) => type is DType.Float32 or DType.Float64;

    /// <summary>The element type that holds a .NET type.</summary>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is none of the five.</exception>
    public static DType Of<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return DType.Float32;
        if (typeof(T) == typeof(double)) return DType.Float64;
        if (typeof(T) == typeof(int)) return DType.Int32;
        if (typeof(T) == typeof(long)) return DType.Int64;
        if (typeof(T) == typeof(byte)) return DType.UInt8;
        throw new NotSupportedException($"A tensor holds float, double, int, long or byte, not {typeof(T).Name}.");
    }
}
