using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tensors.Serialization.Numpy;

/// <summary>Arrays of NumPy as tensors.</summary>
static class NumpyEntries
{
    /// <summary>An array in a pickle; null where its items are of a type that is not read.</summary>
    public static WeightsEntry? Make(string path, string name, NumpyArray array)
    {
        if (array.Objects is not null || DTypeOf(array.Type) is not { } dtype)
            return null;
        long[] shape = [.. array.Shape];
        return new StoredEntry(path, name, View(dtype, array.Type, shape, array.FortranOrder,
            (begin, length) => new MemoryStream(array.Data.Slice((int)begin, (int)length).ToArray(), writable: false)));
    }

    /// <summary>A dense array that lies in the bytes which <paramref name="open"/> reads.</summary>
    public static StoredView View(SafetensorsDType dtype, NumpyType type, long[] shape, bool fortran, Func<long, long, Stream> open) =>
        new(dtype, shape, ItemBuffers.DenseStrides(shape, fortran), 0, type.BigEndian && dtype.Size() > 1, open);

    /// <summary>Null for a type that is not read.</summary>
    public static SafetensorsDType? DTypeOf(NumpyType type) => type.HasFields ? null : type.Code switch
    {
        "f2" => SafetensorsDType.F16,
        "f4" => SafetensorsDType.F32,
        "f8" => SafetensorsDType.F64,
        "i8" => SafetensorsDType.I64,
        "i4" => SafetensorsDType.I32,
        "i2" => SafetensorsDType.I16,
        "i1" or "b" => SafetensorsDType.I8,
        "u1" or "B" => SafetensorsDType.U8,
        "b1" or "?" => SafetensorsDType.Bool,
        // bfloat16 of JAX's ml_dtypes, which NumPy writes as two opaque bytes.
        "V2" => SafetensorsDType.BF16,
        _ => null,
    };
}
