using System.IO.Compression;
using Snappier;
using ZstdSharp;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Unpacks pages.</summary>
static class ParquetCodecs
{
    /// <summary>Unpacks bytes.</summary>
    /// <param name="codec">How they are packed.</param>
    /// <param name="packed">The bytes.</param>
    /// <param name="length">How many there are unpacked; as many are allocated.</param>
    /// <exception cref="InvalidDataException">They are damaged, or another number.</exception>
    public static byte[] Unpack(ParquetCodec codec, ReadOnlySpan<byte> packed, int length)
    {
        byte[] unpacked = GC.AllocateUninitializedArray<byte>(length);
        bool isWhole;
        try
        {
            isWhole = codec switch
            {
                ParquetCodec.Uncompressed => packed.Length == length && packed.TryCopyTo(unpacked),
                ParquetCodec.Snappy => Snappy.GetUncompressedLength(packed) == length
                    && Snappy.TryDecompress(packed, unpacked, out int written) && written == length,
                ParquetCodec.Zstd => UnpackZstd(packed, unpacked),
                ParquetCodec.Gzip => UnpackGzip(packed, unpacked),
                ParquetCodec.Brotli => BrotliDecoder.TryDecompress(packed, unpacked, out int written) && written == length,
                _ => throw new InvalidDataException(
                    $"its pages are packed as {codec}, which is not read: write it with snappy, zstd, gzip, "
                    + "brotli, or unpacked"),
            };
        }
        catch (Exception e) when (e is ZstdException or ArgumentException or IOException or InvalidOperationException)
        {
            isWhole = false;
        }
        return isWhole ? unpacked : throw new InvalidDataException("a page cannot be unpacked");
    }

    static bool UnpackZstd(ReadOnlySpan<byte> packed, byte[] unpacked)
    {
        using var zstd = new Decompressor();
        return zstd.TryUnwrap(packed, unpacked, out int written) && written == unpacked.Length;
    }

    static unsafe bool UnpackGzip(ReadOnlySpan<byte> packed, byte[] unpacked)
    {
        fixed (byte* start = packed)
        {
            using var source = new UnmanagedMemoryStream(start, packed.Length);
            using var gzip = new GZipStream(source, CompressionMode.Decompress);
            try
            {
                return gzip.ReadAtLeast(unpacked, unpacked.Length, throwOnEndOfStream: false) == unpacked.Length && gzip.ReadByte() < 0;
            }
            catch (InvalidDataException)
            {
                return false;
            }
        }
    }
}
