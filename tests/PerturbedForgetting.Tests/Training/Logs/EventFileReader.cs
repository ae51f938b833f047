using System.Buffers.Binary;
using System.Text;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A record of an event file.</summary>
/// <param name="Time">Seconds since 1970.</param>
/// <param name="Step">Its step.</param>
/// <param name="Version">Of a first record: version of the format.</param>
/// <param name="Restart">Whether a session starts.</param>
/// <param name="Scalars">Numbers by tag.</param>
/// <param name="Plugins">By tag: the plugin's name, its content, and the text of a tensor.</param>
sealed record EventRecord(double Time, long Step, string? Version, bool Restart, IReadOnlyDictionary<string, float> Scalars,
    IReadOnlyDictionary<string, (string Name, byte[] Content, string? Text)> Plugins);

/// <summary>
/// Reads TensorBoard's event files as strictly as can be: a frame with a wrong checksum, bytes behind the last frame, and a field that
/// <c>event.proto</c> and <c>summary.proto</c> do not have, or have with another type, fail the test. Written from the formats'
/// descriptions, without anything of the program's.
/// </summary>
static class EventFileReader
{
    enum Wire
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    /// <summary>All records of a file.</summary>
    public static List<EventRecord> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        var records = new List<EventRecord>();
        for (int at = 0; at < file.Length;)
        {
            Assert.That(file.Length - at, Is.GreaterThanOrEqualTo(16), "a whole frame");
            var length = file.AsSpan(at, 8);
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)), Is.EqualTo(Masked(length)), "sum of the length");
            int count = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(length));
            Assert.That(file.Length - at - 16, Is.GreaterThanOrEqualTo(count), "the whole record");
            var data = file.AsSpan(at + 12, count);
            Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + count)), Is.EqualTo(Masked(data)), "sum of the data");
            records.Add(Event(data.ToArray()));
            at += 16 + count;
        }
        Assert.That(records[0].Version, Is.EqualTo("brain.Event:2"));
        Assert.That(records.Skip(1).Select(static r => r.Version), Has.All.Null);
        return records;
    }

    static EventRecord Event(byte[] message)
    {
        double time = double.NaN;
        long step = 0;
        string? version = null;
        bool restart = false;
        var scalars = new Dictionary<string, float>();
        var plugins = new Dictionary<string, (string, byte[], string?)>();
        foreach (var (field, wire, number, bytes) in Fields(message))
        {
            switch (field, wire)
            {
                case (1, Wire.Fixed64): time = BitConverter.UInt64BitsToDouble(number); break;
                case (2, Wire.Varint): step = (long)number; break;
                case (3, Wire.Bytes): version = Utf8(bytes); break;
                case (5, Wire.Bytes): Summary(bytes, scalars, plugins); break;
                case (7, Wire.Bytes): restart = Fields(bytes).Single() is (1, Wire.Varint, 1, _); break;
                case (10, Wire.Bytes): Assert.That(Utf8(Only(bytes, 1)), Is.Not.Empty, "writer"); break;
                default: Assert.Fail($"no field {field} of type {wire} in Event"); break;
            }
        }
        return new(time, step, version, restart, scalars, plugins);
    }

    static void Summary(byte[] message, Dictionary<string, float> scalars, Dictionary<string, (string, byte[], string?)> plugins)
    {
        foreach (var (field, wire, _, bytes) in Fields(message))
        {
            Assert.That((field, wire), Is.EqualTo((1, Wire.Bytes)), "value");
            string? tag = null, text = null;
            float? scalar = null;
            (string Name, byte[] Content)? plugin = null;
            foreach (var (inner, type, number, data) in Fields(bytes))
            {
                switch (inner, type)
                {
                    case (1, Wire.Bytes): tag = Utf8(data); break;
                    case (2, Wire.Fixed32): scalar = BitConverter.UInt32BitsToSingle((uint)number); break;
                    case (8, Wire.Bytes): text = TextTensor(data); break;
                    case (9, Wire.Bytes): plugin = Plugin(Only(data, 1)); break;
                    default: Assert.Fail($"no field {inner} of type {type} in Summary.Value"); break;
                }
            }
            Assert.That(tag, Is.Not.Null.And.Not.Empty);
            if (scalar is { } value)
                scalars.Add(tag!, value);
            else
                plugins.Add(tag!, (plugin!.Value.Name, plugin.Value.Content, text));
        }
    }

    static (string Name, byte[] Content) Plugin(byte[] message)
    {
        var fields = Fields(message).ToDictionary(static f => f.Field, static f => f.Bytes);
        return (Utf8(fields[1]), fields[2]);
    }

    /// <summary>A tensor of one string.</summary>
    static string TextTensor(byte[] message)
    {
        var fields = Fields(message).ToDictionary(static f => f.Field);
        Assert.That(fields.Keys, Is.EquivalentTo(new[] { 1, 2, 8 }));
        Assert.That(fields[1].Number, Is.EqualTo(7), "DT_STRING");
        var size = Fields(Only(fields[2].Bytes, 2)).Single();
        Assert.That((size.Field, size.Wire, size.Number), Is.EqualTo((1, Wire.Varint, 1UL)), "one element");
        return Utf8(fields[8].Bytes);
    }

    /// <summary>The content of a message of one field of bytes.</summary>
    public static byte[] Only(byte[] message, int field)
    {
        var only = Fields(message).Single();
        Assert.That((only.Field, only.Wire), Is.EqualTo((field, Wire.Bytes)));
        return only.Bytes;
    }

    /// <summary>The fields of a message by their numbers: what they hold, numbers as their bits.</summary>
    public static IEnumerable<(int Field, ulong Number, byte[] Bytes)> Message(byte[] message) =>
        Fields(message).Select(static f => (f.Field, f.Number, f.Bytes));

    static List<(int Field, Wire Wire, ulong Number, byte[] Bytes)> Fields(byte[] message)
    {
        var fields = new List<(int, Wire, ulong, byte[])>();
        int at = 0;
        while (at < message.Length)
        {
            ulong key = Varint();
            var wire = (Wire)(key & 7);
            ulong number = wire switch
            {
                Wire.Fixed64 => BinaryPrimitives.ReadUInt64LittleEndian(message.AsSpan((at += 8) - 8, 8)),
                Wire.Fixed32 => BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan((at += 4) - 4, 4)),
                _ => Varint(),
            };
            byte[] bytes = [];
            if (wire == Wire.Bytes)
                bytes = message.AsSpan((at += (int)number) - (int)number, (int)number).ToArray();
            else
                Assert.That(wire, Is.AnyOf(Wire.Varint, Wire.Fixed32, Wire.Fixed64));
            fields.Add(((int)(key >> 3), wire, number, bytes));
        }
        return fields;

        ulong Varint()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte next = message[at++];
                value |= (ulong)(next & 0x7f) << shift;
                if (next < 0x80)
                    return value;
            }
        }
    }

    static string Utf8(byte[] bytes) => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);

    /// <summary>CRC-32C bit by bit, reflected polynomial 0x82F63B78, rotated by 15 and offset.</summary>
    static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        crc = ~crc;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8);
    }
}
