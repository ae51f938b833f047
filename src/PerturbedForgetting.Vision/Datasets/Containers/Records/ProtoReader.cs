namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>Walks through a message of protocol buffers in a file. Whatever is wrong with it ends the walk and is remembered.</summary>
sealed class ProtoReader(FileWindow window)
{
    /// <summary>How a field is written.</summary>
    public const int VarintType = 0, LengthDelimited = 2;

    const int Fixed64 = 1, Fixed32 = 5, LongestVarint = 10;

    long end;

    /// <summary>Whether the message is no message.</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Place in the file.</summary>
    public long Position { get; private set; }

    /// <summary>Whether the message at hand ends here.</summary>
    public bool AtEnd => Position >= end;

    /// <summary>Bytes of the message at hand that are left.</summary>
    public long Left => end - Position;

    /// <summary>Begins with a message, which must lie within the file.</summary>
    public void Begin(long at, long length) => (Position, end, IsDamaged) = (at, at + length, false);

    /// <summary>The next field of the message at hand; false where there is none.</summary>
    public bool Next(out int field, out int type)
    {
        (field, type) = (0, 0);
        if (AtEnd)
            return false;
        ulong tag = Varint();
        (field, type) = ((int)(tag >> 3), (int)(tag & 7));
        if (tag is 0 or > uint.MaxValue || field == 0)
            Fail();
        return !IsDamaged;
    }

    /// <summary>Reads a number.</summary>
    public ulong Varint()
    {
        ReadOnlySpan<byte> bytes = window.At(Position, (int)Math.Min(LongestVarint, Math.Max(0, end - Position)));
        ulong value = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                Position += i + 1;
                return value;
            }
        }
        Fail();
        return 0;
    }

    /// <summary>Enters the message, text or bytes of a field.</summary>
    /// <returns>What <see cref="Leave"/> needs.</returns>
    public long Enter()
    {
        long outer = end;
        ulong length = Varint();
        if (IsDamaged || length > (ulong)(end - Position))
            Fail();
        else
            end = Position + (long)length;
        return outer;
    }

    /// <summary>Goes behind the message that was entered.</summary>
    public void Leave(long outer)
    {
        if (IsDamaged)
            return;
        (Position, end) = (end, outer);
    }

    /// <summary>Goes behind a field.</summary>
    public void Skip(int type)
    {
        switch (type)
        {
            case VarintType:
                Varint();
                break;
            case Fixed64:
                Pass(sizeof(ulong));
                break;
            case LengthDelimited:
                Leave(Enter());
                break;
            case Fixed32:
                Pass(sizeof(uint));
                break;
            default:
                Fail();
                break;
        }
    }

    /// <summary>Whether the rest of what was entered is this.</summary>
    public bool Is(ReadOnlySpan<byte> text) => Left == text.Length && window.At(Position, text.Length).SequenceEqual(text);

    /// <summary>The rest of what was entered, if it is not too long to look at.</summary>
    public ReadOnlySpan<byte> Rest => window.At(Position, (int)Math.Min(Left, FileWindow.Least));

    void Pass(int bytes)
    {
        if (end - Position < bytes)
            Fail();
        else
            Position += bytes;
    }

    void Fail() => (IsDamaged, Position) = (true, end);
}
