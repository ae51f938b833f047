using System.Buffers;
using System.IO.Compression;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Unpacks images that were stored compressed by gzip (some of ImageNet's are), into a buffer that it keeps.</summary>
/// <param name="largest">Bytes that it may unpack to.</param>
sealed class Gunzip(long largest) : IDisposable
{
    const string Name = "gzip data";

    /// <summary>As many bytes must begin like an image before more are unpacked.</summary>
    const int Head = 1 << 12;

    byte[] buffer = [];

    /// <summary>Whether a file begins like one of gzip's.</summary>
    public static bool Matches(ReadOnlySpan<byte> data) => data is [0x1F, 0x8B, ..];

    /// <summary>Unpacks a file. The result is valid until the next call.</summary>
    /// <exception cref="ImageDecodeException">The data are damaged, cut short, too large, or no image.</exception>
    public ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> data)
    {
        var source = new Source(data);
        int filled = 0;
        PooledBuffer.Ensure(ref buffer, Head);
        try
        {
            using var unpacked = new GZipStream(source, CompressionMode.Decompress);
            for (int read = -1; read != 0; filled += read)
            {
                if (filled == buffer.Length)
                    Grow(filled);
                read = unpacked.Read(buffer.AsSpan(filled));
                if (filled < Head && filled + read >= Head && ImageFormats.Find(buffer) < 0)
                    throw ImageFormats.Unknown(buffer);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw source.IsExhausted ? DecodeErrors.Truncated(Name, data.Length) : DecodeErrors.Corrupt(Name, "it cannot be unpacked");
        }
        return source.IsCut ? throw DecodeErrors.Truncated(Name, data.Length) : buffer.AsMemory(0, filled);
    }

    public void Dispose() => PooledBuffer.Release(ref buffer);

    void Grow(int filled)
    {
        if (filled >= largest)
        {
            throw new ImageDecodeException(ImageProblem.TooLarge, FormattableString.Invariant(
                $"unpacked from gzip it exceeds {largest} bytes; store it unpacked"));
        }
        byte[] grown = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * filled, largest));
        buffer.AsSpan(0, filled).CopyTo(grown);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = grown;
    }

    /// <summary>The packed file. The unpacker takes an end within its data for the end of the image without a word; what tells is
    /// whether it asks again after a byte too much: behind a whole file it stops at that byte, which begins no other one.</summary>
    sealed class Source(ReadOnlyMemory<byte> data) : ForwardStream
    {
        int position;

        /// <summary>Whether more was asked for than the file has.</summary>
        public bool IsExhausted => position > data.Length;

        /// <summary>Whether the file ends within its data.</summary>
        public bool IsCut { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            if (position < data.Length)
            {
                int count = Math.Min(buffer.Length, data.Length - position);
                data.Span.Slice(position, count).CopyTo(buffer);
                position += count;
                return count;
            }
            IsCut = IsExhausted;
            position = data.Length + 1;
            buffer[0] = 0xFF;
            return IsCut ? 0 : 1;
        }
    }
}
