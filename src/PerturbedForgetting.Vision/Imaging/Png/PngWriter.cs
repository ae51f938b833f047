using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Writes PNGs of 8 bits a sample, grey or RGB.</summary>
static class PngWriter
{
    const int Filters = 5, ChunkFrame = 12;

    static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The file of an image.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="isGrey">Whether all three samples of each pixel are the same, so that one is enough.</param>
    public static byte[] Write(RgbImage image, bool isGrey = false)
    {
        using var file = new MemoryStream();
        file.Write(Signature);
        Span<byte> header = stackalloc byte[13];
        header.Clear();
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], image.Height);
        header[8] = 8;
        header[9] = (byte)(isGrey ? PngColorType.Grey : PngColorType.Rgb);
        WriteChunk(file, "IHDR"u8, header);
        using (var packed = new MemoryStream())
        {
            using (var packer = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
                WriteRows(packer, image, isGrey);
            WriteChunk(file, "IDAT"u8, packed.GetBuffer().AsSpan(0, (int)packed.Length));
        }
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    static void WriteRows(Stream stream, RgbImage image, bool isGrey)
    {
        int step = isGrey ? 1 : 3, bytes = image.Width * step;
        byte[] above = new byte[bytes], row = new byte[bytes];
        var candidates = new byte[Filters][];
        for (int filter = 0; filter < Filters; filter++)
            candidates[filter] = new byte[1 + bytes];
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> pixels = image.Row(y);
            if (isGrey)
                for (int x = 0; x < row.Length; x++)
                    row[x] = pixels[3 * x];
            else
                pixels.CopyTo(row);
            int best = 0;
            long least = long.MaxValue;
            for (int filter = 0; filter < Filters; filter++)
            {
                if (Filter(filter, row, above, step, candidates[filter]) is var sum && sum < least)
                    (best, least) = (filter, sum);
            }
            stream.Write(candidates[best]);
            (above, row) = (row, above);
        }
    }

    /// <summary>Filters a row (PNG, 9.2).</summary>
    /// <returns>How large the differences are together: the less, the better they pack (PNG, 12.8).</returns>
    static long Filter(int filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int step, Span<byte> into)
    {
        into[0] = (byte)filter;
        long sum = 0;
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < step ? 0 : row[i - step], up = above[i], corner = i < step ? 0 : above[i - step];
            byte difference = (byte)(row[i] - filter switch
            {
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                4 => Paeth(left, up, corner),
                _ => 0,
            });
            into[1 + i] = difference;
            sum += Math.Abs((int)(sbyte)difference);
        }
        return sum;
    }

    static int Paeth(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner), toUp = Math.Abs(left - corner), toCorner = Math.Abs(left + up - 2 * corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    static void WriteChunk(Stream file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        Span<byte> chunk = new byte[ChunkFrame + content.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        name.CopyTo(chunk[4..]);
        content.CopyTo(chunk[8..]);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[^4..], Crc32.HashToUInt32(chunk[4..^4]));
        file.Write(chunk);
    }
}
