namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>The first directory of a TIFF or BigTIFF. Those behind it are other pages, and are not looked at.</summary>
sealed class TiffDirectory
{
    readonly Dictionary<int, TiffField> fields = [];

    public bool BigEndian { get; private set; }

    public void Read(ReadOnlySpan<byte> file)
    {
        fields.Clear();
        BigEndian = file[0] == 'M';
        var reader = new ByteReader(file, "the directory", BigEndian);
        reader.Seek(2);
        // Some writers put this number in the wrong order of bytes.
        bool large = reader.UInt16() is 43 or 43 << 8;
        if (large)
            reader.Skip(4);
        ulong start = large ? reader.UInt64() : reader.UInt32();
        if (start == 0)
            throw DecodeErrors.Corrupt("TIFF", "it has no directory");
        reader.Seek((long)Math.Min(start, long.MaxValue));
        ulong entries = large ? reader.UInt64() : reader.UInt16();
        for (ulong i = 0; i < entries; i++)
            ReadField(ref reader, file.Length, large);
    }

    /// <summary>Whether there is a field with a number.</summary>
    public bool TryFind(int tag, out TiffField field) => fields.TryGetValue(tag, out field);

    /// <summary>The first value of a field, or another one where there is no such field.</summary>
    public int Number(ReadOnlySpan<byte> file, TiffTag tag, int otherwise = 0) =>
        TryFind((int)tag, out TiffField field) ? (int)Math.Min(field.Number(file, 0), int.MaxValue) : otherwise;

    void ReadField(ref ByteReader reader, int fileLength, bool large)
    {
        int tag = reader.UInt16(), type = reader.UInt16();
        ulong count = large ? reader.UInt64() : reader.UInt32();
        int inPlace = large ? 8 : 4, size = TiffField.SizeOf(type), here = reader.Position;
        ulong elsewhere = large ? reader.UInt64() : reader.UInt32();
        if (size == 0 || count == 0)
            return;
        bool fits = count <= (ulong)(fileLength / size);
        long bytes = fits ? (long)count * size : long.MaxValue;
        int position = bytes <= inPlace ? here
            : fits && elsewhere <= (ulong)(fileLength - bytes) ? (int)elsewhere : -1;
        fields.TryAdd(tag, new TiffField(type, (long)Math.Min(count, long.MaxValue), position, BigEndian));
    }
}
