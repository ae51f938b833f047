using System.Buffers.Binary;
using System.IO.Compression;
using PerturbedForgetting.Vision.Imaging;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Images made by the tests themselves.</summary>
static class TestImages
{
    /// <summary>A stored image that went wrong once, or the archive of all kinds.</summary>
    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Vision", "Images", file);

    public static RgbImage Decode(string path, ImageDecoderOptions? options = null)
    {
        using var decoder = new ImageDecoder(options);
        var image = new RgbImage();
        (int width, int height) = decoder.Open(path);
        decoder.Decode(CropBox.Whole(width, height), image);
        return image;
    }

    public static RgbImage Decode(byte[] data, ImageDecoderOptions? options = null)
    {
        using var decoder = new ImageDecoder(options);
        var image = new RgbImage();
        decoder.Decode(data, image);
        return image;
    }

    /// <summary>An image whose pixels are undefined.</summary>
    public static RgbImage OfSize(int width, int height)
    {
        var image = new RgbImage();
        image.Resize(width, height);
        return image;
    }

    /// <summary>Smooth, colourful bytes, height x width x 3.</summary>
    public static byte[] Pixels(int width, int height, int seed = 0)
    {
        var pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int c = i % 3, x = i / 3 % width, y = i / 3 / width;
            pixels[i] = (byte)(127 + 120 * Math.Sin(0.2 * (x + seed) * (c + 1) / 2 + 0.13 * y * (3 - c)));
        }
        return pixels;
    }

    public static byte[] Jpeg(int width, int height, int seed = 0, JpegColorType color = JpegColorType.YCbCrRatio420)
    {
        using Image<Rgb24> image = Image.LoadPixelData<Rgb24>(Pixels(width, height, seed), width, height);
        using var stream = new MemoryStream();
        image.SaveAsJpeg(stream, new JpegEncoder { Quality = 90, ColorType = color });
        return stream.ToArray();
    }

    public static byte[] Png(int width, int height, int seed = 0) =>
        Png(width, height, colorType: 2, depth: 8, Array.ConvertAll(Pixels(width, height, seed), b => (ushort)b));

    /// <summary>A PNG of the given colour type (0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha) and depth, from
    /// height x width x channels samples. Rows have the filters that <paramref name="filters"/> draws, or none.</summary>
    public static byte[] Png(
        int width, int height, int colorType, int depth, ushort[] samples, byte[]? palette = null, byte[]? transparency = null,
        bool interlaced = false, Random? filters = null)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(PngRows(width, height, colorType, depth, samples, interlaced, filters));
        return
        [
            .. PngSignature, .. PngHeader(width, height, colorType, depth, interlaced),
            .. palette is null ? [] : PngChunk("PLTE", palette), .. transparency is null ? [] : PngChunk("tRNS", transparency),
            .. PngChunk("IDAT", packed.ToArray()), .. PngChunk("IEND", []),
        ];
    }

    public static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    public static byte[] PngHeader(int width, int height, int colorType, int depth, bool interlaced)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)colorType, (byte)(interlaced ? 1 : 0));
        return PngChunk("IHDR", header);
    }

    /// <summary>A chunk with its length and check sum.</summary>
    public static byte[] PngChunk(string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data], chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(data.Length + 8), Crc(body));
        return chunk;
    }

    /// <summary>The data of a PNG before they are packed.</summary>
    static byte[] PngRows(int width, int height, int colorType, int depth, ushort[] samples, bool interlaced, Random? filters)
    {
        int channels = colorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        using var rows = new MemoryStream();
        (int X, int Y, int StepX, int StepY)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        foreach ((int startX, int startY, int stepX, int stepY) in passes)
        {
            byte[] above = [];
            for (int y = startY; y < height && startX < width; y += stepY)
            {
                byte[] row = Row(width, channels, depth, samples, y, startX, stepX);
                rows.Write(Filtered(row, above, Math.Max(1, channels * depth / 8), filters?.Next(5) ?? 0));
                above = row;
            }
        }
        return rows.ToArray();
    }

    static byte[] Filtered(byte[] row, byte[] above, int pixelBytes, int filter)
    {
        byte[] filtered = [(byte)filter, .. row];
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < pixelBytes ? 0 : row[i - pixelBytes], up = above.Length == 0 ? 0 : above[i];
            int corner = i < pixelBytes || above.Length == 0 ? 0 : above[i - pixelBytes];
            filtered[i + 1] -= (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, _ => Paeth(left, up, corner) });
        }
        return filtered;
    }

    static int Paeth(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner), toUp = Math.Abs(left - corner), toCorner = Math.Abs(left + up - 2 * corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    static byte[] Row(int width, int channels, int depth, ushort[] samples, int y, int startX, int stepX)
    {
        var row = new List<byte>();
        int bits = 0, count = 0;
        for (int x = startX; x < width; x += stepX)
        {
            for (int c = 0; c < channels; c++)
            {
                int sample = samples[(y * width + x) * channels + c];
                if (depth == 16)
                {
                    row.AddRange([(byte)(sample >> 8), (byte)sample]);
                    continue;
                }
                (bits, count) = (bits << depth | sample, count + depth);
                if (count == 8)
                {
                    row.Add((byte)bits);
                    (bits, count) = (0, 0);
                }
            }
        }
        if (count > 0)
            row.Add((byte)(bits << (8 - count)));
        return [.. row];
    }

    static uint Crc(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++)
                crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
