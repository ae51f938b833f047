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

    /// <summary>Forgets the bits read ahead, and starts anew at <paramref name="start"/>.</summary>
    public void Restart(int start)
    {
        Position = start;
        bits = 0;
        count = padding = 0;
    }

    /// <summary>Decodes one symbol; 256 if the bits match no code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Symbol(HuffmanTable table)
    {
        EnsureBits();
        int entry = table.Lookup[(int)(bits >> (64 - HuffmanTable.LookupBits))];
        if (entry == 0)
        {
            entry = table.DecodeLong((int)(bits >> 48));
            if (entry == 0)
                return 256;
        }
        Drop(entry >> 8);
        return entry & 255;
    }

    /// <summary>An AC coefficient that needs only one look-up: value x 256 + run x 16 + bits; 0 if it needs more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int FastAc(HuffmanTable table)
    {
        EnsureBits();
        int entry = table.FastAc[(int)(bits >> (64 - HuffmanTable.LookupBits))];
        Drop(entry & 15);
        return entry;
    }

    /// <summary>Reads <paramref name="size"/> bits (0 to 16) as an unsigned number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Bits(int size)
    {
        if (size == 0)
            return 0;
        EnsureBits();
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void EnsureBits()
    {
        if (count < 32)
            Fill();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void Fill()
    {
        if (Position + 8 <= data.Length)
        {
            ulong next = BinaryPrimitives.ReadUInt64BigEndian(data[Position..]);
            ulong inverse = ~next;
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
        while (count <= 56)
        {
            if (Position < data.Length && data[Position] != 0xFF)
            {
                bits |= (ulong)data[Position++] << (56 - count);
            }
            else if (Position + 1 < data.Length && data[Position + 1] == 0)
            {
                bits |= 0xFFUL << (56 - count);
                Position += 2;
            }
            else
            {
                padding += 8;
            }
            count += 8;
        }
    }
}
