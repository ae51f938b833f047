using SkiaSharp;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Writes PNGs of 8 bits a sample, grey or RGB.</summary>
static class PngWriter
{
    /// <summary>The file of an image.</summary>
    /// <param name="image">The pixels.</param>
    /// <param name="isGrey">Whether all three samples of each pixel are the same, so that one is enough.</param>
    public static byte[] Write(RgbImage image, bool isGrey = false)
    {
        using SKImage pixels = isGrey ? Grey(image) : Rgb(image.Pixels, image.Width, image.Height);
        using SKData file = pixels.Encode(SKEncodedImageFormat.Png, 100);
        return file.ToArray();
    }

    /// <summary>Pixels of red, green and blue as an image of Skia, which knows none of three bytes.</summary>
    public static SKImage Rgb(ReadOnlySpan<byte> pixels, int width, int height)
    {
        var wide = new byte[4 * width * height];
        for (int from = 0, to = 0; to < wide.Length; from += 3, to += 4)
            (wide[to], wide[to + 1], wide[to + 2], wide[to + 3]) = (pixels[from], pixels[from + 1], pixels[from + 2], byte.MaxValue);
        return SKImage.FromPixelCopy(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), wide);
    }

    static SKImage Grey(RgbImage image)
    {
        ReadOnlySpan<byte> pixels = image.Pixels;
        var narrow = new byte[image.Width * image.Height];
        for (int i = 0; i < narrow.Length; i++)
            narrow[i] = pixels[3 * i];
        return SKImage.FromPixelCopy(new SKImageInfo(image.Width, image.Height, SKColorType.Gray8, SKAlphaType.Opaque), narrow);
    }
}
