using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace PerturbedForgetting.Vision.Imaging.Webp;

/// <summary>Decodes WebP by libwebp, which is within SkiaSharp's native library: lossy, lossless, with alpha, and the first frame of
/// animations. The library gets the coded image alone; pieces, sizes and whether the file is whole are read here.</summary>
sealed class WebpDecoder(ImageDecoderOptions options) : IFormatDecoder
{
    /// <summary>Its row in the table of formats.</summary>
    public static ImageFormat Format { get; } = new("WebP", Matches, static (options, _) => new WebpDecoder(options))
    {
        Reads = ["lossy", "lossless", "alpha", "the first frame of animations"],
    };

    WebpImage header;
    byte[] file = [];

    ImageInfo Info => new(header.Width, header.Height, "WebP", ImageColor.Rgb, header.Orientation);

    public ImageInfo Open(ReadOnlySpan<byte> data)
    {
        header = WebpImage.Read(data);
        ImageLimits.CheckPixels(header.Width, header.Height, options.MaxPixels);
        return Info;
    }

    public unsafe ImageInfo Decode(ReadOnlySpan<byte> data, CropBox region, RgbImage image)
    {
        (int top, int left, int height, int width) = header.Frame;
        // As large as it must be, and given back at once: four bytes a pixel are more than the image itself takes.
        byte* rgba = (byte*)NativeMemory.AllocZeroed((nuint)width * (nuint)height, 4);
        try
        {
            DecodeFrame(data.Slice(header.Position, header.Length), rgba);
            image.Resize(header.Width, header.Height);
            if (header.Frame != CropBox.Whole(header.Width, header.Height))
                image.Pixels.Clear();
            for (int y = 0; y < height; y++)
            {
                var row = new ReadOnlySpan<byte>(rgba + (nuint)y * (nuint)width * 4, width * 4);
                Span<byte> target = image.Row(top + y).Slice(left * 3, width * 3);
                for (int from = 0, at = 0; at < target.Length; from += 4, at += 3)
                    (target[at], target[at + 1], target[at + 2]) = (row[from], row[from + 1], row[from + 2]);
            }
        }
        finally
        {
            NativeMemory.Free(rgba);
        }
        return Info;
    }

    public void Dispose() => PooledBuffer.Release(ref file);

    static bool Matches(ReadOnlySpan<byte> data) =>
        data.Length >= WebpImage.RiffHeader && data.StartsWith("RIFF"u8) && data[8..].StartsWith("WEBP"u8);

    /// <summary>Decodes one piece, as a file of its own.</summary>
    unsafe void DecodeFrame(ReadOnlySpan<byte> piece, byte* rgba)
    {
        // Pieces have an even length.
        int length = WebpImage.RiffHeader + piece.Length + (piece.Length & 1);
        PooledBuffer.Ensure(ref file, length);
        file[length - 1] = 0;
        "RIFF\0\0\0\0WEBP"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(4), length - WebpImage.ChunkHeader);
        piece.CopyTo(file.AsSpan(WebpImage.RiffHeader));
        try
        {
            fixed (byte* bytes = file)
                DecodeFile(bytes, length, rgba);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or TypeInitializationException)
        {
            throw new ImageDecodeException(ImageProblem.Unsupported,
                "WebP needs the native library libSkiaSharp, which cannot be loaded; install it or convert the images to PNG", inner: e);
        }
    }

    unsafe void DecodeFile(byte* bytes, int length, byte* rgba)
    {
        using SKData data = SKData.Create((nint)bytes, length);
        using SKCodec codec = SKCodec.Create(data) ?? throw Corrupt("its image has a header that is none");
        if ((codec.Info.Width, codec.Info.Height) != (header.Frame.Width, header.Frame.Height))
            throw Corrupt("its headers give different sizes");
        // No colour space: samples stay as they are. Colours are not multiplied by alpha.
        var target = new SKImageInfo(header.Frame.Width, header.Frame.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        SKCodecResult result = codec.GetPixels(target, (nint)rgba);
        if (result != SKCodecResult.Success)
            throw Corrupt($"its image cannot be decoded ({result})");
    }

    static ImageDecodeException Corrupt(string reason) => DecodeErrors.Corrupt("WebP", reason);
}
