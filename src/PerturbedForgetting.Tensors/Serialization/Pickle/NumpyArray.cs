namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>The type of the items of a NumPy array.</summary>
/// <param name="code">Kind and size, such as <c>f4</c>, <c>u1</c>, <c>S20</c>, <c>O</c>.</param>
public sealed class NumpyType(string code)
{
    /// <summary>Kind and size in bytes, such as <c>f4</c> or <c>u1</c>; <c>O</c> for objects.</summary>
    public string Code { get; } = code;

    /// <summary>Whether the first byte of an item is its most significant one.</summary>
    public bool BigEndian { get; internal set; }

    /// <summary>Whether items are records of several fields.</summary>
    public bool HasFields { get; internal set; }

    /// <summary>Bytes of an item; 0 where they are not plain numbers or truth values.</summary>
    public int ItemSize => HasFields ? 0 : Code switch
    {
        "b1" or "?" or "i1" or "u1" or "b" or "B" => 1,
        "i2" or "u2" or "f2" => 2,
        "i4" or "u4" or "f4" => 4,
        "i8" or "u8" or "f8" => 8,
        _ => 0,
    };
}

/// <summary>A NumPy array in a pickle.</summary>
public sealed class NumpyArray
{
    /// <summary>Type of the items.</summary>
    public NumpyType Type { get; internal set; } = new("u1");

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; internal set; } = [0];

    /// <summary>Whether the first index changes fastest.</summary>
    public bool FortranOrder { get; internal set; }

    /// <summary>The items' bytes; empty for an array of objects.</summary>
    public ReadOnlyMemory<byte> Data { get; internal set; }

    /// <summary>The items of an array of objects; null for numbers.</summary>
    public IReadOnlyList<object?>? Objects { get; internal set; }
}
