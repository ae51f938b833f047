using System.IO.Compression;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Decodes images to 8-bit RGB, whatever their name says: the format is found from the first bytes. JPEG is
/// decoded as libjpeg-turbo does, the other formats as Pillow does. Alpha is dropped.
/// An image is opened first, which tells its size, and then decoded as far as it is needed.</summary>
/// <remarks>An instance keeps its buffers and is not thread-safe: one for each worker.</remarks>
public sealed class ImageDecoder : IDisposable
{
    readonly ImageDecoderOptions options;
    readonly DecodeBudget budget;
    readonly IFormatDecoder?[] decoders = new IFormatDecoder?[ImageFormats.All.Count];
    byte[] file = [];

    // The image that is open.
    IFormatDecoder? format;
    ReadOnlyMemory<byte> data;
    string? name;
    int length;
    ImageInfo info;

    /// <summary>A decoder with the given choices.</summary>
    public ImageDecoder(ImageDecoderOptions? options = null)
    {
        this.options = options ?? ImageDecoderOptions.Default;
        budget = new DecodeBudget(this.options.MaxTime);
    }

    /// <summary>How the image that is open is turned.</summary>
    int Turn => options.ApplyExifOrientation ? info.Orientation : 1;

    /// <summary>Its size as it is shown.</summary>
    (int Width, int Height) Size => ExifOrientation.IsTransposed(Turn) ? (info.Height, info.Width) : (info.Width, info.Height);

    /// <summary>Opens a file.</summary>
    /// <returns>The image's size in pixels, as it will be shown.</returns>
    /// <exception cref="ImageDecodeException">The file cannot be read, or its headers are wrong; the message names it.</exception>
    public (int Width, int Height) Open(string path)
    {
        format = null;
        int read = 0;
        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path);
            long bytes = RandomAccess.GetLength(handle);
            if (bytes > Array.MaxLength)
                throw new ImageDecodeException(ImageProblem.TooLarge, "the file is larger than 2 GB", path, bytes);
            PooledBuffer.Ensure(ref file, (int)bytes);
            while (read < bytes && RandomAccess.Read(handle, file.AsSpan(read, (int)bytes - read), read) is > 0 and int more)
                read += more;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ImageDecodeException(ImageProblem.Unreadable, e.Message, path, inner: e);
        }
        return Open(file.AsMemory(0, read), path);
    }

    /// <summary>Opens bytes, which must stay as they are until the image is decoded; errors call them <paramref name="name"/>.</summary>
    /// <returns>The image's size in pixels, as it will be shown.</returns>
    /// <exception cref="ImageDecodeException">The headers are wrong. No other exception escapes, whatever the bytes are.</exception>
    public (int Width, int Height) Open(ReadOnlyMemory<byte> data, string? name = null)
    {
        (format, this.data, this.name, length) = (null, data, name, data.Length);
        budget.Restart();
        try
        {
            if (data.IsEmpty)
                throw new ImageDecodeException(ImageProblem.Empty, "the file is empty");
            if (data.Span is [0x1F, 0x8B, ..])
                this.data = Unwrap(data.Span);
            IFormatDecoder found = DecoderOf(ImageFormats.Find(this.data.Span));
            info = found.Open(this.data.Span);
            format = found;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Named(e);
        }
        return Size;
    }

    /// <summary>Decodes the image that was opened last, once, into <paramref name="image"/>, which takes its size.</summary>
    /// <param name="region">The part that is needed, of the image as it is shown. Other pixels may be left undefined, and damage
    /// of a JPEG's data behind that part unnoticed; one that is cut short is found all the same.</param>
    /// <param name="image">Where the pixels go.</param>
    /// <exception cref="ImageDecodeException">The image cannot be decoded. No other exception escapes, whatever the bytes are.</exception>
    /// <exception cref="InvalidOperationException">No image is open.</exception>
    public ImageInfo Decode(CropBox region, RgbImage image)
    {
        if (format is null)
            throw new InvalidOperationException("An image is opened before it is decoded, and decoded once.");
        budget.Resume();
        try
        {
            CropBox needed = region.Within(Size.Width, Size.Height);
            ImageInfo decoded = format.Decode(data.Span, ExifOrientation.Source(Turn, needed, info.Width, info.Height), image);
            image.ApplyOrientation(Turn);
            return decoded;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Named(e);
        }
        finally
        {
            (format, data) = (null, default);
        }
    }

    /// <summary>Opens bytes and decodes all of the image.</summary>
    /// <exception cref="ImageDecodeException">The bytes cannot be decoded.</exception>
    public ImageInfo Decode(ReadOnlyMemory<byte> data, RgbImage image)
    {
        (int width, int height) = Open(data);
        return Decode(CropBox.Whole(width, height), image);
    }

    /// <summary>Gives all buffers back to the pool.</summary>
    public void Dispose()
    {
        foreach (IFormatDecoder? decoder in decoders)
            decoder?.Dispose();
        PooledBuffer.Release(ref file);
    }

    IFormatDecoder DecoderOf(int number) => decoders[number] ??= ImageFormats.All[number].Create(options, budget);

    ImageDecodeException Named(Exception e) => (e as ImageDecodeException)?.At(name, length)
        ?? new ImageDecodeException(ImageProblem.Corrupt, "the data are damaged: " + e.Message, name, length, e);

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
