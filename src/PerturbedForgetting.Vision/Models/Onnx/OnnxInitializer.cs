using System.Runtime.InteropServices;
using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Vision.Models.Onnx;

/// <summary>A constant of a graph; its values are made only while the file is written.</summary>
/// <param name="Name">What nodes call it.</param>
/// <param name="Shape">Row-major; empty for a scalar.</param>
/// <param name="Type">Number of the type in <c>TensorProto.DataType</c>.</param>
/// <param name="ByteLength">Bytes of all values.</param>
/// <param name="Write">Writes exactly so many.</param>
sealed record OnnxInitializer(string Name, IReadOnlyList<long> Shape, int Type, long ByteLength, Action<Stream> Write)
{
    const int Float = 1, Int64 = 7;

    public static OnnxInitializer Of(string name, IReadOnlyList<long> shape, Func<float[]> values) =>
        new(name, shape, Float, sizeof(float) * shape.Aggregate(1L, static (a, b) => checked(a * b)),
            stream => stream.Write(MemoryMarshal.AsBytes<float>(values())));

    public static OnnxInitializer Of(string name, IReadOnlyList<long> shape, long[] values) =>
        new(name, shape, Int64, sizeof(long) * values.Length, stream => stream.Write(MemoryMarshal.AsBytes<long>(values)));

    /// <summary>All of its message but the values, which come last.</summary>
    public ProtoMessage Head()
    {
        var message = new ProtoMessage();
        foreach (long extent in Shape)
            message.Add(1, extent);
        return message.Add(2, Type).Add(8, Name).Begin(9, checked((int)ByteLength));
    }
}
