using System.Buffers.Binary;
using System.IO.Hashing;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>A chunk of a PNG (PNG, 5.3): length, type, contents and a check sum over type and contents.</summary>
readonly ref struct PngChunk
{
    /// <summary>Bytes of a chunk besides its contents.</summary>
    const int Frame = 12;

    readonly ReadOnlySpan<byte> summed;
    readonly uint sum;

    PngChunk(ReadOnlySpan<byte> file, int position, int length)
    {
        summed = file.Slice(position + 4, length + 4);
        sum = BinaryPrimitives.ReadUInt32BigEndian(file[(position + 8 + length)..]);
        End = position + Frame + length;
    }

    /// <summary>Four letters.</summary>
    public ReadOnlySpan<byte> Type => summed[..4];

    public ReadOnlySpan<byte> Content => summed[4..];

    /// <summary>Where the next chunk begins.</summary>
    public int End { get; }

    /// <summary>The chunk that begins at a position.</summary>
    /// <exception cref="ImageDecodeException">The file ends before the chunk does, or what is there is no chunk.</exception>
    public static PngChunk At(ReadOnlySpan<byte> file, int position)
    {
        var reader = new ByteReader(file, "the image", bigEndian: true);
        reader.Seek(position);
        uint length = reader.UInt32();
        foreach (byte letter in reader.Take(4))
        {
            if (!char.IsAsciiLetter((char)letter))
                throw DecodeErrors.Corrupt(PngDecoder.Name, FormattableString.Invariant($"no chunk begins at byte {position}"));
        }
        reader.Skip(length + 4L);
        return new PngChunk(file, position, (int)length);
    }

    public bool Is(ReadOnlySpan<byte> type) => Type.SequenceEqual(type);

    /// <summary>Demands that the check sum is that of the contents.</summary>
    public void Verify()
    {
        if (Crc32.HashToUInt32(summed) != sum)
        {
            throw DecodeErrors.Corrupt(PngDecoder.Name,
                $"the check sum of the chunk {System.Text.Encoding.ASCII.GetString(Type)} before byte {End} is wrong");
        }
    }
}
