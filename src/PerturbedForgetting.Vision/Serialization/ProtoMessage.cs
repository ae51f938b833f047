using Google.Protobuf;

namespace PerturbedForgetting.Vision.Serialization;

/// <summary>A message of protocol buffers that is being made, field by field; the numbers of the fields are those of the format's
/// <c>.proto</c> file.</summary>
public sealed class ProtoMessage
{
    readonly MemoryStream bytes = new();
    readonly CodedOutputStream output;

    /// <summary>An empty message.</summary>
    public ProtoMessage() => output = new CodedOutputStream(bytes, 256);

    /// <summary>What has been added so far.</summary>
    public ReadOnlyMemory<byte> Bytes
    {
        get
        {
            output.Flush();
            return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
        }
    }

    /// <summary>Adds a whole number.</summary>
    public ProtoMessage Add(int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return this;
    }

    /// <summary>Adds a list of one whole number, as lists of numbers are written: packed.</summary>
    public ProtoMessage AddPacked(int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(CodedOutputStream.ComputeInt64Size(value));
        output.WriteInt64(value);
        return this;
    }

    /// <summary>Adds a float32.</summary>
    public ProtoMessage Add(int field, float value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        return this;
    }

    /// <summary>Adds a float64.</summary>
    public ProtoMessage Add(int field, double value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(value);
        return this;
    }

    /// <summary>Adds a text.</summary>
    public ProtoMessage Add(int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
        return this;
    }

    /// <summary>Adds bytes.</summary>
    public ProtoMessage Add(int field, ReadOnlyMemory<byte> value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    /// <summary>Adds a message.</summary>
    public ProtoMessage Add(int field, ProtoMessage message) => Add(field, message.Bytes);

    /// <summary>Adds the beginning of a field whose bytes follow in the stream this message is written to.</summary>
    public ProtoMessage Begin(int field, int length)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(length);
        return this;
    }
}
