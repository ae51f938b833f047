using System.IO.Compression;
using PerturbedForgetting.Vision.Imaging.Jpeg;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Decodes images to 8-bit RGB, whatever their name says: the format is found from the first bytes. JPEG is
/// decoded by this project (equal to libjpeg-turbo), PNG, BMP, GIF, WebP, TIFF, PBM and TGA by ImageSharp. Alpha is dropped.</summary>
/// <remarks>An instance keeps its buffers and is not thread-safe: one for each worker.</remarks>
public sealed class ImageDecoder(ImageDecoderOptions? options = null) : IDisposable
{
    readonly ImageDecoderOptions options = options ?? ImageDecoderOptions.Default;
    readonly JpegDecoder jpeg = new();
    byte[] file = [];

    /// <summary>Decodes one file into a new image. For many files keep an instance and an image.</summary>
    /// <exception cref="ImageDecodeException">The file cannot be decoded.</exception>
    public static RgbImage Decode(string path, ImageDecoderOptions? options = null)
    {
        using var decoder = new ImageDecoder(options);
        var image = new RgbImage();
        decoder.Decode(path, image);
        return image;
    }

    /// <summary>Decodes a stream, from its position to its end, into a new image.</summary>
    /// <exception cref="ImageDecodeException">The stream cannot be decoded.</exception>
    public static RgbImage Decode(Stream stream, ImageDecoderOptions? options = null)
    {
        using var decoder = new ImageDecoder(options);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        var image = new RgbImage();
        decoder.Decode(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), image);
        return image;
    }

    /// <summary>Decodes a file into <paramref name="image"/>, which takes its size.</summary>
    /// <param name="path">The file.</param>
    /// <param name="image">Where its pixels go.</param>
    /// <param name="region">Told the image's width and height, names the part that is needed; null for all of it. Other pixels
    /// may be left undefined, and damage of a JPEG's data behind that part unnoticed; one that is cut short is found all the same.</param>
    /// <exception cref="ImageDecodeException">The file cannot be read or decoded; the message names it.</exception>
    public DecodedImage Decode(string path, RgbImage image, Func<int, int, CropBox>? region = null)
    {
        int length;
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path);
            long bytes = RandomAccess.GetLength(handle);
            if (bytes > Array.MaxLength)
                throw new ImageDecodeException(ImageProblem.TooLarge, "the file is larger than 2 GB", path, bytes);
            PooledBuffer.Ensure(ref file, (int)bytes);
            length = 0;
            while (length < bytes && RandomAccess.Read(handle, file.AsSpan(length, (int)bytes - length), length) is > 0 and int read)
                length += read;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ImageDecodeException(ImageProblem.Unreadable, e.Message, path, inner: e);
        }
        return Decode(file.AsSpan(0, length), image, path, region);
    }

    /// <summary>Decodes bytes, or the part of the image that <paramref name="region"/> names, into <paramref name="image"/>;
    /// <paramref name="name"/> is what an error calls them.</summary>
    /// <exception cref="ImageDecodeException">The bytes cannot be decoded. No other exception escapes, whatever they are.</exception>
    public DecodedImage Decode(ReadOnlySpan<byte> data, RgbImage image, string? name = null, Func<int, int, CropBox>? region = null)
    {
        try
        {
            DecodedImage decoded = DecodeContent(data, image, region, unwrap: true);
            if (options.ApplyExifOrientation)
                image.ApplyOrientation(decoded.Orientation);
            return decoded;
        }
        catch (ImageDecodeException e)
        {
            throw e.At(name, data.Length);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new ImageDecodeException(ImageProblem.Corrupt, "the data are damaged: " + e.Message, name, data.Length, e);
        }
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        jpeg.Dispose();
        PooledBuffer.Release(ref file);
    }

    DecodedImage DecodeContent(ReadOnlySpan<byte> data, RgbImage image, Func<int, int, CropBox>? region, bool unwrap)
    {
        if (data.IsEmpty)
            throw new ImageDecodeException(ImageProblem.Empty, "the file is empty");
        if (JpegDecoder.Matches(data))
            return jpeg.Decode(data, image, options, region);
        if (unwrap && data is [0x1F, 0x8B, ..])
            return DecodeContent(Unwrap(data), image, region, unwrap: false);
        return OtherFormats.Decode(data, image, options);
    }

    /// <summary>Unpacks an image that was stored compressed by gzip (some of ImageNet's are).</summary>
    static byte[] Unwrap(ReadOnlySpan<byte> data)
    {
        const int largest = 1 << 28;
        using var packed = new GZipStream(new MemoryStream(data.ToArray()), CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        Span<byte> chunk = stackalloc byte[4096];
        while (packed.Read(chunk) is > 0 and int read)
        {
            unpacked.Write(chunk[..read]);
            if (unpacked.Length > largest)
                throw new ImageDecodeException(ImageProblem.TooLarge, "unpacked from gzip it exceeds 256 MB");
        }
        return unpacked.ToArray();
    }
}
