using System.IO.Compression;

namespace PerturbedForgetting.Vision.Imaging.Tiff;

/// <summary>Deflate in a zlib stream.</summary>
sealed class TiffDeflate : TiffSource
{
    byte[] packed = [];
    ZLibStream? stream;

    public override void Begin(ReadOnlySpan<byte> chunk, TiffLayout layout)
    {
        stream?.Dispose();
        PooledBuffer.Ensure(ref packed, chunk.Length);
        chunk.CopyTo(packed);
        stream = new ZLibStream(new MemoryStream(packed, 0, chunk.Length, writable: false), CompressionMode.Decompress);
    }

    public override void Read(ReadOnlySpan<byte> chunk, Span<byte> row)
    {
        try
        {
            if (stream!.ReadAtLeast(row, row.Length, throwOnEndOfStream: false) < row.Length)
                throw Ended();
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw Corrupt("Deflate cannot unpack a strip or tile: " + e.Message);
        }
    }

    public override void Dispose()
    {
        stream?.Dispose();
        PooledBuffer.Release(ref packed);
    }
}
