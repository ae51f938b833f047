using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Vision.Models.Onnx;

/// <summary>An attribute of a node.</summary>
sealed class OnnxAttribute
{
    enum Kind
    {
        Float = 1,
        Int = 2,
        Ints = 7,
    }

    OnnxAttribute(string name, Kind kind) => Message = new ProtoMessage().Add(1, name).Add(20, (long)kind);

    /// <summary>Its message.</summary>
    public ProtoMessage Message { get; }

    public static OnnxAttribute Float(string name, double value)
    {
        var attribute = new OnnxAttribute(name, Kind.Float);
        attribute.Message.Add(2, (float)value);
        return attribute;
    }

    public static OnnxAttribute Int(string name, long value)
    {
        var attribute = new OnnxAttribute(name, Kind.Int);
        attribute.Message.Add(3, value);
        return attribute;
    }

    public static OnnxAttribute Ints(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new OnnxAttribute(name, Kind.Ints);
        foreach (long value in values)
            attribute.Message.Add(8, value);
        return attribute;
    }
}
