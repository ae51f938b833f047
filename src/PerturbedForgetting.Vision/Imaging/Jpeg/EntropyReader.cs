using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>Reads the bits of an entropy-coded segment: removes stuffed zero bytes, stops at a marker, and from there on
/// delivers zeros while it counts that it does.</summary>
/// <remarks>Bytes without their stuffing lie in a window that moves along, so that bits are refilled without a look at them.</remarks>
ref struct EntropyReader
{
    /// <summary>Most bytes that an MCU takes, and those read ahead: ten blocks of 64 codes of 16 bits with numbers of 15.</summary>
    const int McuBytes = 10 * 248 + 16;

    /// <summary>Bytes of the window that data may take; behind them lie the zeros that follow on a marker.</summary>
    const int Capacity = 6144;

    /// <summary>So many bytes that no code used are taken for read, as readers do that read ahead: an encoder's filling is no
    /// damage.</summary>
    const int Unnoticed = 5;

    /// <summary>Bytes of a window.</summary>
    public const int WindowBytes = Capacity + McuBytes;

    /// <summary>So many bits are there at least behind a refill, more than the longest code and its number: set in their count.</summary>
    public const int Full = 56;

    readonly ReadOnlySpan<byte> data;
    readonly Span<byte> window;
    int source;
    int end;
    bool ended;
    ulong bits;
    int count;
    int next;

    /// <summary>Begins at <paramref name="position"/>.</summary>
    /// <param name="data">The file.</param>
    /// <param name="position">Where the segment begins.</param>
    /// <param name="window">Room for <see cref="WindowBytes"/>, whatever it holds.</param>
    public EntropyReader(ReadOnlySpan<byte> data, int position, Span<byte> window)
    {
        this.data = data;
        this.window = window[..WindowBytes];
        Restart(position);
    }

    /// <summary>Where reading goes on, a few bytes behind the bits that were used; never beyond a marker.</summary>
    public readonly int Position
    {
        get
        {
            int position = source;
            // Back over what lies in the window unread.
            for (int unread = end - (next * 8 - count + 7) / 8 - Unnoticed; unread > 0;)
            {
                ReadOnlySpan<byte> before = data[..position];
                int plain = unread - 1 - before[^unread..].LastIndexOf((byte)0xFF);
                if (plain == unread)
                    return position - plain;
                // An FF, perhaps one of several, and the zero behind it are one byte.
                if (plain > 1)
                {
                    position -= plain - 1;
                    unread -= plain - 1;
                    continue;
                }
                position = before[..^1].LastIndexOfAnyExcept((byte)0xFF) + 1;
                unread--;
            }
            return position;
        }
    }

    /// <summary>More bits were used than the segment has.</summary>
    public readonly bool Overread => next * 8 - count > end * 8;

    /// <summary>Bits were met that no code begins with.</summary>
    public bool MetBadCode { get; set; }

    /// <summary>The bits read ahead, the next one at the top, how many they are, and where the next byte lies: for a loop that keeps
    /// them in registers, refills them by <see cref="Load"/>, <see cref="Bytes"/> and <see cref="Full"/>, and gives them back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref byte Ahead(out ulong bits, out int count)
    {
        (bits, count) = (this.bits, this.count);
        return ref Unsafe.Add(ref MemoryMarshal.GetReference(window), next);
    }

    /// <summary>The end of such a loop; only the low six bits of <paramref name="count"/> count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void GiveBack(ref byte at, ulong bits, int count)
    {
        (this.bits, this.count) = (bits, count & 63);
        next = (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(window), ref at);
    }

    /// <summary>The next 64 bits. Those of a byte that does not fit whole behind the bits that are there are set again, to the same values,
    /// by the next refill.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load(ref byte at)
    {
        ulong next = Unsafe.ReadUnaligned<ulong>(ref at);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(next) : next;
    }

    /// <summary>How many bytes fit behind so many bits, which the low six bits of <paramref name="count"/> say.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Bytes(int count) => ~count >> 3 & 7;

    /// <summary>Forgets the bits read ahead, and starts anew at <paramref name="start"/>.</summary>
    public void Restart(int start)
    {
        source = start;
        end = 0;
        ended = false;
        bits = 0;
        count = next = 0;
    }

    /// <summary>Makes the bytes of an MCU be in the window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prepare()
    {
        if (next + McuBytes > end && !ended)
            Advance();
    }

    /// <summary>Reads one code, as <see cref="HuffmanCode"/>; bits that match none are that of the symbol 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Code(HuffmanTable table)
    {
        Refill();
        uint code = table.Lookup[(int)(bits >> (64 - HuffmanTable.LookupBits))];
        if (code == 0)
            code = LongCode(table);
        Drop(HuffmanCode.Length(code));
        return code;
    }

    /// <summary>Reads <paramref name="size"/> bits (0 to 16) as an unsigned number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Bits(int size)
    {
        if (size == 0)
            return 0;
        Refill();
        int value = (int)(bits >> (64 - size));
        Drop(size);
        return value;
    }

    /// <summary>Reads the signed number of <paramref name="size"/> bits (T.81, figure F.12); none are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Signed(int size)
    {
        Refill();
        int value = HuffmanPair.Number(bits, 0, 63 - size);
        Drop(size);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Refill()
    {
        bits |= Load(ref Unsafe.Add(ref MemoryMarshal.GetReference(window), next)) >> count;
        next += (int)Bytes(count);
        count |= Full;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Drop(int size)
    {
        bits <<= size;
        count -= size;
    }

    /// <summary>The code at the top, which is in no look-up because it is long or none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    uint LongCode(HuffmanTable table)
    {
        uint code = table.DecodeLong((int)(bits >> 48));
        MetBadCode |= code == HuffmanCode.None;
        return code;
    }

    /// <summary>Moves what is unread to the front of the window and fills it up.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    void Advance()
    {
        window[next..end].CopyTo(window);
        end -= next;
        next = 0;
        while (end < Capacity && !ended)
        {
            CopyPlain();
            if (end == Capacity)
                break;
            if (source < data.Length && PassStuffing())
                window[end++] = 0xFF;
            else
                ended = true;
        }
        if (ended)
            window.Slice(end, McuBytes).Clear();
    }

    /// <summary>Copies up to the next FF.</summary>
    void CopyPlain()
    {
        ReadOnlySpan<byte> from = data.Slice(source, Math.Min(data.Length - source, Capacity - end));
        Span<byte> to = window.Slice(end, from.Length);
        int at = 0;
        for (; at <= from.Length - Vector256<byte>.Count; at += Vector256<byte>.Count)
        {
            Vector256<byte> bytes = Vector256.Create(from[at..]);
            bytes.CopyTo(to[at..]);
            uint markers = Vector256.Equals(bytes, Vector256<byte>.AllBitsSet).ExtractMostSignificantBits();
            if (markers != 0)
            {
                at += System.Numerics.BitOperations.TrailingZeroCount(markers);
                source += at;
                end += at;
                return;
            }
        }
        for (; at < from.Length && from[at] != 0xFF; at++)
            to[at] = from[at];
        source += at;
        end += at;
    }

    /// <summary>Passes over an FF that belongs to the data: one or more of them and a zero. Otherwise goes to the marker that they
    /// begin, behind such as only fill, or to the end.</summary>
    bool PassStuffing()
    {
        int behind = source;
        while (behind < data.Length && data[behind] == 0xFF)
            behind++;
        bool stuffed = behind < data.Length && data[behind] == 0;
        source = stuffed ? behind + 1 : behind < data.Length ? behind - 1 : behind;
        return stuffed;
    }
}
