using System.Buffers.Binary;
using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>Builds NumPy's arrays, types and scalars.</summary>
static class NumpyTypes
{
    /// <summary>The result of a function of NumPy; null where it is not known.</summary>
    public static object? Call(PickleCall call) => call.Function.Name switch
    {
        "_reconstruct" or "ndarray" => Charged(call, new NumpyArray()),
        "dtype" => Charged(call, new NumpyType(call.Arg<object>(0) switch
        {
            string code => code,
            // A text of Python 2.
            byte[] code => PickleText.FromBytes(code),
            _ => "V",
        })),
        "scalar" when call.Count > 1 && call.Args.Items[0] is NumpyType type && call.Args.Items[1] is byte[] bytes
            && type.ItemSize == bytes.Length => Scalar(type, bytes),
        "_frombuffer" => FromBuffer(call),
        _ => null,
    };

    /// <summary>Sets the state that follows a bare array or type.</summary>
    public static void SetState(PickleSource source, object target, object? state)
    {
        ReadOnlySpan<object?> items = state is PickleTuple tuple ? tuple.Items : [];
        if (target is NumpyType type)
        {
            // Version, byte order, sub-array, names, fields, …
            type.BigEndian = items.Length > 1 && items[1] is ">" or byte[] and [(byte)'>'];
            type.HasFields = items.Length > 4 && (items[2] ?? items[3] ?? items[4]) is not null;
            return;
        }
        // Before NumPy 1.0 there was no version in front.
        if (items.Length > 4)
            items = items[1..];
        if (items is not [PickleTuple shape, NumpyType itemType, var fortran, var data])
            throw source.Defect("an array of NumPy lacks shape, type or data.");
        Fill(source, (NumpyArray)target, PickleCall.Sizes(source, shape), itemType, fortran is true or 1L, data);
    }

    static NumpyArray FromBuffer(PickleCall call)
    {
        var array = new NumpyArray();
        call.Charge(100);
        Fill(call.Source, array, call.Sizes(2), call.Arg<NumpyType>(1), call.Count > 3 && call.Args.Items[3] is "F", call.Arg<object>(0));
        return array;
    }

    /// <summary>Shape, type and data of an array, which must agree.</summary>
    static void Fill(PickleSource source, NumpyArray array, long[] shape, NumpyType type, bool fortran, object? data)
    {
        Int128 count = 1;
        foreach (long size in shape)
            count = size == 0 ? 0 : count > long.MaxValue ? count : count * size;
        (array.Type, array.Shape, array.FortranOrder) = (type, shape, fortran);
        if (data is PickleList list)
        {
            if (list.Items.Count != count)
                throw source.Defect($"an array of shape [{string.Join(", ", shape)}] has {list.Items.Count} objects.");
            array.Objects = list.Items;
            return;
        }
        byte[] bytes = data switch
        {
            byte[] plain => plain,
            // An array of no items, or text of Python 2 that was written anew.
            string text => Bytes(source, text),
            _ => throw source.Defect("an array of NumPy has no data."),
        };
        if (type.ItemSize > 0 && bytes.Length != count * type.ItemSize)
            throw source.Defect($"an array of shape [{string.Join(", ", shape)}] and type {type.Code} has {bytes.Length} bytes.");
        array.Data = bytes;
    }

    static byte[] Bytes(PickleSource source, string text)
    {
        source.Charge(text.Length + 32);
        return Encoding.Latin1.GetBytes(text);
    }

    static object Charged(PickleCall call, object value)
    {
        call.Charge(100);
        return value;
    }

    static object Scalar(NumpyType type, byte[] item)
    {
        byte[] bytes = [.. item];
        if (type.BigEndian)
            Array.Reverse(bytes);
        return type.Code switch
        {
            "f8" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            "f4" => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
            "f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            "b1" or "?" => bytes[0] != 0,
            "i8" or "u8" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            "i4" => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes),
            "u4" => (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            "i2" => (long)BinaryPrimitives.ReadInt16LittleEndian(bytes),
            "u2" => (long)BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            "i1" => (long)(sbyte)bytes[0],
            _ => (long)bytes[0],
        };
    }
}
