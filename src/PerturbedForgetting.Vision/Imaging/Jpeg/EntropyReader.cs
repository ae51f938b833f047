using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Reads the bits of an entropy-coded segment: removes stuffed zero bytes, stops at a marker, and from there on
/// delivers zeros while it counts that it does.</summary>
ref struct EntropyReader(ReadOnlySpan<byte> data, int position)
{
    const ulong Ones = 0x0101010101010101, Tops = 0x8080808080808080;

    readonly ReadOnlySpan<byte> data = data;
    ulong bits;
    int count;
    int padding;

    /// <summary>Where reading goes on; never beyond a marker.</summary>
    public int Position { get; private set; } = position;

    /// <summary>More bits were used than the segment has.</summary>
    public readonly bool Overread => count < padding;

    /// <summary>Bits were met that no code begins with.</summary>
    public bool MetBadCode { get; set; }

    /// <summary>The bits read ahead, the next one at the top, and how many there are: for a loop that keeps them in registers,
    /// refills them with <see cref="Ensure"/>, and gives them back at its end.</summary>
    public (ulong Bits, int Count) Ahead
    {
        readonly get => (bits, count);
        set => (bits, count) = value;
    }

    /// <summary>Forgets the bits read ahead, and starts anew at <paramref name="start"/>.</summary>
    public void Restart(int start)
    {
        Position = start;
        bits = 0;
        count = padding = 0;
    }

    /// <summary>Makes 32 bits at least be ahead: the longest code and its number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ensure(ref ulong bits, ref int count)
    {
        if (count >= 32)
            return;
        if (Position + 8 <= data.Length)
        {
            ulong next = BinaryPrimitives.ReadUInt64BigEndian(data[Position..]), inverse = ~next;
            if (((inverse - Ones) & ~inverse & Tops) == 0)
            {
                // No byte is FF. Bits of a byte that does not fit whole are set again, to the same values, by the next fill.
                bits |= next >> count;
                int bytes = (64 - count) >> 3;
                Position += bytes;
                count += bytes * 8;
                return;
            }
        }
        (this.bits, this.count) = (bits, count);
        Fill();
        (bits, count) = (this.bits, this.count);
    }

    /// <summary>The code at the top of <paramref name="bits"/>, which is in no look-up because it is long or none.</summary>
    public uint LongCode(HuffmanTable table, ulong bits)
    {
        uint code = table.DecodeLong((int)(bits >> 48));
        MetBadCode |= code == HuffmanCode.None;
        return code;
    }

    /// <summary>Decodes one symbol; 0 where the bits match no code.</summary>
    public int Symbol(HuffmanTable table)
    {
        Ensure(ref bits, ref count);
        uint code = table.Lookup[(int)(bits >> (64 - HuffmanTable.LookupBits))];
        if (code == 0)
            code = LongCode(table, bits);
        Drop(HuffmanCode.Length(code));
        return HuffmanCode.Symbol(code);
    }

    /// <summary>Reads <paramref name="size"/> bits (0 to 16) as an unsigned number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Bits(int size)
    {
        if (size == 0)
            return 0;
        Ensure(ref bits, ref count);
        int value = (int)(bits >> (64 - size));
        Drop(size);
        return value;
    }

    /// <summary>Reads the signed number of <paramref name="size"/> bits (T.81, figure F.12).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Signed(int size)
    {
        int value = Bits(size);
        return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Drop(int size)
    {
        bits <<= size;
        count -= size;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void Fill()
    {
        while (count <= 56)
        {
            if (Position < data.Length && data[Position] != 0xFF)
                bits |= (ulong)data[Position++] << (56 - count);
            else if (PassStuffing())
                bits |= 0xFFUL << (56 - count);
            else
                padding += 8;
            count += 8;
        }
    }

    /// <summary>Passes over an FF that belongs to the data: one or more of them and a zero. Otherwise goes to the marker that they
    /// begin, behind such as only fill, or to the end.</summary>
    bool PassStuffing()
    {
        int behind = Position;
        while (behind < data.Length && data[behind] == 0xFF)
            behind++;
        bool stuffed = behind < data.Length && data[behind] == 0;
        Position = stuffed ? behind + 1 : behind < data.Length ? behind - 1 : behind;
        return stuffed;
    }
}
