using System.IO.Compression;
using K4os.Compression.LZ4;
using Snappier;
using ZstdSharp;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Unpacks pages. A page may claim to be large: memory is taken only where its packed bytes agree, or as they
/// unpack.</summary>
static class ParquetCodecs
{
    const int FirstBuffer = 1 << 16;

    /// <summary>A byte of a match stands for no more bytes.</summary>
    const long LargestLz4Ratio = 255;

    /// <summary>Unpacks bytes.</summary>
    /// <param name="codec">How they are packed.</param>
    /// <param name="packed">The bytes.</param>
    /// <param name="length">How many there are unpacked.</param>
    /// <exception cref="InvalidDataException">They are damaged, or another number.</exception>
    public static byte[] Unpack(ParquetCodec codec, ReadOnlySpan<byte> packed, int length)
    {
        byte[]? unpacked;
        try
        {
            unpacked = codec switch
            {
                ParquetCodec.Uncompressed => packed.Length == length ? packed.ToArray() : null,
                ParquetCodec.Snappy => UnpackSnappy(packed, length),
                ParquetCodec.Zstd => UnpackZstd(packed, length),
                ParquetCodec.Gzip => Unpack(packed, length, static s => new GZipStream(s, CompressionMode.Decompress)),
                ParquetCodec.Brotli => Unpack(packed, length, static s => new BrotliStream(s, CompressionMode.Decompress)),
                ParquetCodec.Lz4Raw => UnpackLz4(packed, length),
                _ => throw new InvalidDataException(
                    $"its pages are packed as {codec}, which is not read: write it with snappy, zstd, gzip, brotli, lz4_raw, or unpacked"),
            };
        }
        catch (Exception e) when (e is ZstdException or ArgumentException or IOException or InvalidOperationException)
        {
            unpacked = null;
        }
        return unpacked ?? throw new InvalidDataException("a page cannot be unpacked");
    }

    static byte[]? UnpackSnappy(ReadOnlySpan<byte> packed, int length)
    {
        if (Snappy.GetUncompressedLength(packed) != length)
            return null;
        byte[] unpacked = GC.AllocateUninitializedArray<byte>(length);
        return Snappy.TryDecompress(packed, unpacked, out int written) && written == length ? unpacked : null;
    }

    static byte[]? UnpackZstd(ReadOnlySpan<byte> packed, int length)
    {
        // The largest number there is says that the frame does not tell.
        if (Decompressor.GetDecompressedSize(packed) is var told && told != (ulong)length && told < long.MaxValue)
            return null;
        byte[] unpacked = GC.AllocateUninitializedArray<byte>(length);
        using var zstd = new Decompressor();
        return zstd.TryUnwrap(packed, unpacked, out int written) && written == length ? unpacked : null;
    }

    static byte[]? UnpackLz4(ReadOnlySpan<byte> packed, int length)
    {
        if (length > LargestLz4Ratio * packed.Length)
            return null;
        byte[] unpacked = GC.AllocateUninitializedArray<byte>(length);
        return LZ4Codec.Decode(packed, unpacked) == length ? unpacked : null;
    }

    static unsafe byte[]? Unpack(ReadOnlySpan<byte> packed, int length, Func<Stream, Stream> unpacker)
    {
        fixed (byte* start = packed)
        {
            using var source = new UnmanagedMemoryStream(start, packed.Length);
            using Stream stream = unpacker(source);
            byte[] unpacked = new byte[Math.Min(length, FirstBuffer)];
            try
            {
                for (int filled = 0; filled < length;)
                {
                    if (filled == unpacked.Length)
                        Array.Resize(ref unpacked, (int)Math.Min(length, 2L * filled));
                    int read = stream.Read(unpacked, filled, unpacked.Length - filled);
                    if (read == 0)
                        return null;
                    filled += read;
                }
                return stream.ReadByte() < 0 ? unpacked : null;
            }
            catch (InvalidDataException)
            {
                return null;
            }
        }
    }
}
