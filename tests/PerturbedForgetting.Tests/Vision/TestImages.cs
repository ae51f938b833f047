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
    /// height x width x channels samples.</summary>
    public static byte[] Png(
        int width, int height, int colorType, int depth, ushort[] samples, byte[]? palette = null, byte[]? transparency = null,
        bool interlaced = false)
    {
        int channels = colorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)colorType, (byte)(interlaced ? 1 : 0));
        Chunk(png, "IHDR", header);
        if (palette is not null)
            Chunk(png, "PLTE", palette);
        if (transparency is not null)
            Chunk(png, "tRNS", transparency);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            (int X, int Y, int StepX, int StepY)[] passes = interlaced
                ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
                : [(0, 0, 1, 1)];
            foreach ((int startX, int startY, int stepX, int stepY) in passes)
            {
                for (int y = startY; y < height && startX < width; y += stepY)
                    zlib.Write(Row(width, channels, depth, samples, y, startX, stepX));
            }
        }
        Chunk(png, "IDAT", packed.ToArray());
        Chunk(png, "IEND", []);
        return png.ToArray();
    }

    static byte[] Row(int width, int channels, int depth, ushort[] samples, int y, int startX, int stepX)
    {
        var row = new List<byte> { 0 };
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

    static void Chunk(Stream png, string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(body));
        png.Write(number);
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
