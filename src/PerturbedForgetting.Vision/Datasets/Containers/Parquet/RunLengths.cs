using System.Numerics;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Reads Parquet's mixture of run lengths and packed bits: levels, indices of a dictionary, truth values.</summary>
static class RunLengths
{
    /// <summary>Reads as many numbers as there is room for.</summary>
    /// <param name="data">The runs.</param>
    /// <param name="width">Bits of a number, 0 to 32.</param>
    /// <param name="into">Where they go.</param>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public static void Read(ReadOnlySpan<byte> data, int width, Span<int> into)
    {
        if (width is < 0 or > 32)
            throw new InvalidDataException($"numbers of {width} bits cannot be");
        if (width == 0)
        {
            into.Clear();
            return;
        }
        int position = 0, bytes = (width + 7) / 8;
        while (!into.IsEmpty)
        {
            uint head = Varint(data, ref position);
            if ((head & 1) == 0)
            {
                int length = (int)Math.Min(head >> 1, (uint)into.Length);
                if (length == 0 || position + bytes > data.Length)
                    throw Short();
                uint value = 0;
                for (int i = 0; i < bytes; i++)
                    value |= (uint)data[position++] << (8 * i);
                into[..length].Fill((int)value);
                into = into[length..];
                continue;
            }
            long groups = head >> 1;
            int packed = (int)Math.Min(groups * width, data.Length - position);
            int count = (int)Math.Min(Math.Min(8 * groups, 8L * packed / width), into.Length);
            if (count == 0)
                throw Short();
            Unpack(data.Slice(position, packed), width, into[..count]);
            position += packed;
            into = into[count..];
        }
    }

    /// <summary>Bits that a number up to this one takes.</summary>
    public static int Width(int largest) => 32 - BitOperations.LeadingZeroCount((uint)largest);

    static void Unpack(ReadOnlySpan<byte> data, int width, Span<int> into)
    {
        ulong mask = (1UL << width) - 1, bits = 0;
        int held = 0, position = 0;
        foreach (ref int value in into)
        {
            for (; held < width; held += 8)
                bits |= (ulong)data[position++] << held;
            value = (int)(bits & mask);
            bits >>= width;
            held -= width;
        }
    }

    static uint Varint(ReadOnlySpan<byte> data, ref int position)
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (position >= data.Length)
                throw Short();
            byte next = data[position++];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw Short();
    }

    static InvalidDataException Short() => new("a page has fewer numbers than it should");
}
