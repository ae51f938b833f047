using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>The frame of a record in a TFRecord file: 8 bytes of length, 4 of the length's checksum, the data, 4 of the data's checksum;
/// all numbers from their lowest byte.</summary>
public static class TfRecord
{
    /// <summary>Bytes before the data.</summary>
    public const int HeaderLength = 12;

    /// <summary>Bytes behind the data.</summary>
    public const int FooterLength = 4;

    /// <summary>Bytes of a record around its data.</summary>
    public const int FrameLength = HeaderLength + FooterLength;

    /// <summary>Writes the bytes that come before data of a length.</summary>
    public static void WriteHeader(Span<byte> header, int length)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[sizeof(ulong)..], Crc32C.Masked(header[..sizeof(ulong)]));
    }

    /// <summary>Reads the bytes before the data.</summary>
    /// <returns>Whether the length has its checksum.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out ulong length)
    {
        length = BinaryPrimitives.ReadUInt64LittleEndian(header);
        return BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(ulong)..]) == Crc32C.Masked(header[..sizeof(ulong)]);
    }

    /// <summary>Whether the data of a whole record have their checksum.</summary>
    public static bool IsSound(ReadOnlySpan<byte> record) => record.Length >= FrameLength
        && TryReadHeader(record, out ulong length) && length == (ulong)(record.Length - FrameLength)
        && BinaryPrimitives.ReadUInt32LittleEndian(record[^FooterLength..]) == Crc32C.Masked(record[HeaderLength..^FooterLength]);
}
