using System.Buffers.Binary;

namespace PerturbedForgetting.Fuzz;

/// <summary>Changes bytes as damage and malice do: bits, bytes, numbers at their extremes, pieces removed, doubled, exchanged, cut off,
/// and halves of two files joined.</summary>
static class ByteMutator
{
    static ReadOnlySpan<uint> Extremes =>
        [0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF];

    /// <summary>A mutant of one of the seeds.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> seeds, Random random)
    {
        var data = new List<byte>(seeds[random.Next(seeds.Count)]);
        int changes = random.Next(4) == 0 ? random.Next(2, 8) : 1;
        for (int i = 0; i < changes && data.Count > 0; i++)
            Change(data, seeds, random);
        return [.. data];
    }

    static void Change(List<byte> data, IReadOnlyList<byte[]> seeds, Random random)
    {
        // Headers are where most of the meaning is.
        int at = random.Next(random.Next(2) == 0 ? Math.Min(64, data.Count) : data.Count), length = Length(data.Count - at, random);
        switch (random.Next(10))
        {
            case 0 or 1:
                data[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                data[at] = (byte)random.Next(256);
                break;
            case 3:
                SetNumber(data, at, random);
                break;
            case 4:
                data.RemoveRange(at, length);
                break;
            case 5:
                data.InsertRange(random.Next(data.Count + 1), data.GetRange(at, length));
                break;
            case 6:
                data.RemoveRange(at, data.Count - at);
                break;
            case 7:
                data.InsertRange(at, Bytes(random.Next(1, 64), random));
                break;
            case 8:
                Fill(data, at, length, (byte)(random.Next(2) * 255));
                break;
            default:
                Splice(data, at, seeds[random.Next(seeds.Count)], random);
                break;
        }
    }

    static int Length(int most, Random random) => random.Next(1, Math.Min(most, 1 << random.Next(1, 10)) + 1);

    static byte[] Bytes(int count, Random random)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    static void SetNumber(List<byte> data, int at, Random random)
    {
        Span<byte> number = stackalloc byte[8];
        uint value = Extremes[random.Next(Extremes.Length)];
        int size = 1 << random.Next(1, 4);
        ulong wide = size == 8 && random.Next(2) == 0 ? value << 32 | value : value;
        if (random.Next(2) == 0)
            BinaryPrimitives.WriteUInt64LittleEndian(number, wide);
        else
            BinaryPrimitives.WriteUInt64BigEndian(number, wide << (64 - 8 * size));
        for (int i = 0; i < size && at + i < data.Count; i++)
            data[at + i] = number[i];
    }

    static void Fill(List<byte> data, int at, int length, byte value)
    {
        for (int i = at; i < at + length; i++)
            data[i] = value;
    }

    /// <summary>Goes on with another seed, at the same place or anywhere.</summary>
    static void Splice(List<byte> data, int at, byte[] other, Random random)
    {
        int from = random.Next(2) == 0 ? Math.Min(at, other.Length) : random.Next(other.Length + 1);
        data.RemoveRange(at, data.Count - at);
        data.AddRange(other.AsSpan(from));
    }
}
