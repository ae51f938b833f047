using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace PerturbedForgetting.Training.Processes.Control;

/// <summary>What the members give to one exchange after the other, until all have.</summary>
/// <param name="size">How many there are.</param>
sealed class Collection(int size)
{
    readonly byte[]?[] given = new byte[size][];
    ControlKind kind;
    long number;
    int count;

    /// <summary>Takes what one gives.</summary>
    /// <param name="rank">Who.</param>
    /// <param name="what">What is to be made of it.</param>
    /// <param name="payload">Number of the exchange, then what is given.</param>
    /// <param name="wrong">What is wrong with it.</param>
    /// <returns>What all made together, behind the number; null where some are missing.</returns>
    public byte[]? Add(int rank, ControlKind what, ReadOnlySpan<byte> payload, out string? wrong)
    {
        wrong = null;
        if (count == 0)
            kind = what;
        if (payload.Length < sizeof(long) || BinaryPrimitives.ReadInt64LittleEndian(payload) != number || given[rank] is not null)
            wrong = "sends what is out of turn";
        else if (what != kind)
            wrong = "makes another call than the others";
        if (wrong is not null)
            return null;
        given[rank] = payload[sizeof(long)..].ToArray();
        if (++count < size)
            return null;
        if (kind == ControlKind.Sum && Array.Find(given, g => g!.Length != given[0]!.Length || g.Length % sizeof(double) != 0) is not null)
        {
            wrong = "adds another number of values than the others";
            return null;
        }
        byte[] result = kind == ControlKind.Sum ? Summed() : Joined();
        Array.Clear(given);
        (number, count) = (number + 1, 0);
        return result;
    }

    byte[] Joined()
    {
        byte[] result = new byte[sizeof(long) + given.Sum(static g => sizeof(int) + (long)g!.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(result, number);
        int at = sizeof(long);
        foreach (byte[]? one in given)
        {
            BinaryPrimitives.WriteInt32LittleEndian(result.AsSpan(at), one!.Length);
            one.CopyTo(result, at + sizeof(int));
            at += sizeof(int) + one.Length;
        }
        return result;
    }

    /// <summary>In the order of the ranks.</summary>
    byte[] Summed()
    {
        byte[] result = new byte[sizeof(long) + given[0]!.Length];
        BinaryPrimitives.WriteInt64LittleEndian(result, number);
        var sums = MemoryMarshal.Cast<byte, double>(result.AsSpan(sizeof(long)));
        MemoryMarshal.Cast<byte, double>(given[0]).CopyTo(sums);
        foreach (byte[]? one in given.AsSpan(1))
        {
            var values = MemoryMarshal.Cast<byte, double>(one);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += values[i];
        }
        return result;
    }

    /// <summary>Takes apart what was gathered.</summary>
    public static List<byte[]> Split(ReadOnlySpan<byte> joined, int size)
    {
        List<byte[]> parts = [];
        while (joined.Length >= sizeof(int) && BinaryPrimitives.ReadInt32LittleEndian(joined) is var length && length >= 0
            && length <= joined.Length - sizeof(int))
        {
            parts.Add(joined.Slice(sizeof(int), length).ToArray());
            joined = joined[(sizeof(int) + length)..];
        }
        return parts.Count == size && joined.Length == 0 ? parts
            : throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"What {size} processes have given came in {parts.Count} parts."));
    }
}
