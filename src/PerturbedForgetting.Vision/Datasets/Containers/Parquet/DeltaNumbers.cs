namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Reads numbers that are written as differences of small width (DELTA_BINARY_PACKED).</summary>
static class DeltaNumbers
{
    /// <summary>Reads numbers.</summary>
    /// <param name="data">They begin here.</param>
    /// <param name="into">Receives them; there must be as many.</param>
    /// <returns>The bytes that were read.</returns>
    /// <exception cref="InvalidDataException">They are damaged.</exception>
    public static int Read(ReadOnlySpan<byte> data, Span<long> into)
    {
        int position = 0;
        ulong block = Varint(data, ref position), parts = Varint(data, ref position), total = Varint(data, ref position);
        long value = Signed(data, ref position);
        if (total != (ulong)into.Length || block == 0 || parts == 0 || block > 1 << 20 || parts > block || block % parts != 0)
            throw Damaged();
        int part = (int)(block / parts);
        if (into.IsEmpty)
            return position;
        into[0] = value;
        for (int done = 1; done < into.Length;)
        {
            long least = Signed(data, ref position);
            if (position + (int)parts > data.Length)
                throw Damaged();
            ReadOnlySpan<byte> widths = data.Slice(position, (int)parts);
            position += (int)parts;
            for (int i = 0; i < (int)parts && done < into.Length; i++)
            {
                int width = widths[i];
                long bytes = ((long)part * width + 7) / 8;
                if (width > 64 || bytes > data.Length - position)
                    throw Damaged();
                ReadOnlySpan<byte> bits = data.Slice(position, (int)bytes);
                position += (int)bytes;
                for (int j = 0; j < part && done < into.Length; j++)
                    into[done++] = value += least + (long)Bits(bits, (long)j * width, width);
            }
        }
        return position;
    }

    static ulong Bits(ReadOnlySpan<byte> data, long start, int width)
    {
        ulong value = 0;
        for (int got = 0; got < width;)
        {
            int bit = (int)((start + got) & 7), take = Math.Min(8 - bit, width - got);
            value |= ((ulong)data[(int)((start + got) >> 3)] >> bit & ((1UL << take) - 1)) << got;
            got += take;
        }
        return value;
    }

    static long Signed(ReadOnlySpan<byte> data, ref int position)
    {
        ulong coded = Varint(data, ref position);
        return (long)(coded >> 1) ^ -(long)(coded & 1);
    }

    static ulong Varint(ReadOnlySpan<byte> data, ref int position)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (position >= data.Length)
                throw Damaged();
            byte next = data[position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw Damaged();
    }

    static InvalidDataException Damaged() => new("the numbers of a page are damaged");
}
