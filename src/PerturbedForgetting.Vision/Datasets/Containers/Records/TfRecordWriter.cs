using System.Buffers.Binary;

namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>Writes the records of a TFRecord file.</summary>
/// <param name="stream">Where they go; the caller closes it.</param>
public sealed class TfRecordWriter(Stream stream)
{
    /// <summary>Bytes written so far.</summary>
    public long Length { get; private set; }

    /// <summary>Records written so far.</summary>
    public int Count { get; private set; }

    /// <summary>Appends a record.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        Span<byte> header = stackalloc byte[TfRecord.HeaderLength];
        TfRecord.WriteHeader(header, data.Length);
        Span<byte> footer = stackalloc byte[TfRecord.FooterLength];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Crc32C.Masked(data));
        stream.Write(header);
        stream.Write(data);
        stream.Write(footer);
        Length += data.Length + TfRecord.FrameLength;
        Count++;
    }
}
