using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;

namespace Benchmarks;

/// <summary>A file and its contents.</summary>
sealed record LoaderImage(string Path, byte[] Bytes);

/// <summary>The images of the loader's benchmark: a folder's, or textures of the size of ImageNet's photos (500 x 375, about 110
/// kB).</summary>
static class LoaderImages
{
    const int Photos = 48, Small = 400, SmallPixels = 32;

    /// <summary>Makes photos in a folder, the same ones every time.</summary>
    public static void WritePhotos(string folder) => WriteAll(folder, Photos, 500, 375);

    /// <summary>Makes images of CIFAR's size.</summary>
    public static void WriteSmall(string folder) => WriteAll(folder, Small, SmallPixels, SmallPixels);

    /// <summary>Reads the JPEGs at any depth of a folder.</summary>
    public static LoaderImage[] Read(string folder)
    {
        string[] files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        LoaderImage[] images = [.. files.Where(IsJpeg).Order(StringComparer.Ordinal).Select(f => new LoaderImage(f, File.ReadAllBytes(f)))];
        return images.Length > 0 ? images : throw new IOException($"{folder} holds no .jpg or .jpeg file");
    }

    static bool IsJpeg(string file) => Path.GetExtension(file).ToUpperInvariant() is ".JPG" or ".JPEG";

    static void WriteAll(string folder, int count, int width, int height)
    {
        Directory.CreateDirectory(folder);
        for (int i = 0; i < count; i++)
            Write(Path.Combine(folder, $"{i:D3}.jpg"), width, height, i);
    }

    /// <summary>Waves of a few lengths and directions, and the grain of a sensor.</summary>
    static void Write(string path, int width, int height, int seed)
    {
        var random = new Random(seed);
        var waves = Enumerable.Range(0, 24).Select(i =>
            (X: Slope(i), Y: Slope(i), Phase: 6 * random.NextDouble(), Channel: random.Next(3), Height: 60 / (1 + i * 0.25))).ToArray();
        using var image = new Image<Rgb24>(width, height);
        Span<double> samples = stackalloc double[3];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                samples.Fill(128);
                foreach (var (slopeX, slopeY, phase, channel, amplitude) in waves)
                {
                    double value = amplitude * Math.Sin(slopeX * x + slopeY * y + phase);
                    for (int c = 0; c < 3; c++)
                        samples[c] += c == channel ? value : value / 2;
                }
                double grain = 16 * (random.NextDouble() + random.NextDouble() - 1);
                image[x, y] = new Rgb24(Byte(samples[0] + grain), Byte(samples[1] + grain), Byte(samples[2] + grain));
            }
        }
        image.SaveAsJpeg(path, new JpegEncoder { Quality = 90, ColorType = JpegColorType.YCbCrRatio420 });

        double Slope(int i) => (random.NextDouble() - 0.5) * 0.06 * (1 + i);
        static byte Byte(double value) => (byte)Math.Clamp(value, 0, 255);
    }
}
