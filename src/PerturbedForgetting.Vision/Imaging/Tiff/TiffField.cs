using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>A field of a TIFF's directory, whose values stay where they are in the file.</summary>
/// <param name="Type">The number of its type: 3 is a short, 4 a long, ...</param>
/// <param name="Count">How many values it has.</param>
/// <param name="Position">Where they begin; -1 if they are behind the file's end.</param>
/// <param name="BigEndian">Whether numbers begin with their highest byte.</param>
readonly record struct TiffField(int Type, long Count, int Position, bool BigEndian)
{
    /// <summary>Bytes of a value of a type; 0 if there is no such type.</summary>
    public static int SizeOf(int type) => type switch
    {
        1 or 2 or 6 or 7 => 1,
        3 or 8 => 2,
        4 or 9 or 11 or 13 => 4,
        5 or 10 or 12 or 16 or 17 or 18 => 8,
        _ => 0,
    };

    /// <summary>A value that is a whole number; one that is not, or is negative, counts as the largest number.</summary>
    public ulong Number(ReadOnlySpan<byte> file, long index) => Type switch
    {
        1 or 7 => Bytes(file, index)[0],
        3 => Short(Bytes(file, index)),
        4 or 13 => Long(Bytes(file, index)),
        16 or 18 => BigEndian ? BinaryPrimitives.ReadUInt64BigEndian(Bytes(file, index))
            : BinaryPrimitives.ReadUInt64LittleEndian(Bytes(file, index)),
        _ => ulong.MaxValue,
    };

    /// <summary>A value as a real number: a fraction, a floating-point or a whole one.</summary>
    public float Real(ReadOnlySpan<byte> file, long index)
    {
        if (Type == 11)
            return BitConverter.UInt32BitsToSingle(Long(Bytes(file, index)));
        if (Type != 5)
            return Number(file, index);
        ReadOnlySpan<byte> fraction = Bytes(file, index);
        uint below = Long(fraction[4..]);
        return below == 0 ? 0 : (float)(Long(fraction) / (double)below);
    }

    /// <summary>All values as they are stored.</summary>
    public ReadOnlySpan<byte> All(ReadOnlySpan<byte> file) => Position < 0 ? throw Missing(file)
        : file.Slice(Position, (int)Count * SizeOf(Type));

    ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> file, long index)
    {
        if (Position < 0)
            throw Missing(file);
        if ((ulong)index >= (ulong)Count)
            throw DecodeErrors.Corrupt("TIFF", FormattableString.Invariant($"a field has {Count} values, {index + 1} are needed"));
        int size = SizeOf(Type);
        return file.Slice(Position + (int)index * size, size);
    }

    ushort Short(ReadOnlySpan<byte> bytes) =>
        BigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    uint Long(ReadOnlySpan<byte> bytes) =>
        BigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    static ImageDecodeException Missing(ReadOnlySpan<byte> file) => DecodeErrors.Truncated("the directory", file.Length);
}
