using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Datasets.Containers;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Decodes images to 8-bit RGB, whatever their name says: the format is found from the first bytes. JPEG is
/// decoded as libjpeg-turbo does, the other formats as Pillow does. Alpha is dropped.
/// An image is opened first, which tells its size, and then decoded as far as it is needed.</summary>
/// <remarks>An instance keeps its buffers and is not thread-safe: one for each worker.</remarks>
public sealed class ImageDecoder : IDisposable
{
    const int LargestUnpacked = 1 << 28;

    readonly ImageDecoderOptions options;
    readonly DecodeBudget budget;
    readonly ReadRetries retries;
    readonly IFormatDecoder?[] decoders = new IFormatDecoder?[ImageFormats.All.Count];
    readonly Gunzip gunzip;
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
        retries = new ReadRetries(this.options.ReadRetries);
        // No format takes more bytes for a pixel; the image may not be larger than memory should be, packed or not.
        gunzip = new Gunzip(Math.Min(LargestUnpacked, 8 * Math.Min(this.options.MaxPixels, LargestUnpacked) + (1 << 16)));
    }

    /// <summary>Ends reading and decoding, with <see cref="OperationCanceledException"/>, also in the middle of an image.</summary>
    internal CancellationToken Stop
    {
        set => budget.Stop = retries.Stop = value;
    }

    /// <summary>What files are read with.</summary>
    internal FileReads Reads { get; init; } = FileReads.System;

    /// <summary>How the image that is open is turned.</summary>
    int Turn => options.ApplyExifOrientation ? info.Orientation : 1;

    /// <summary>Its size as it is shown.</summary>
    (int Width, int Height) Size => ExifOrientation.IsTransposed(Turn) ? (info.Height, info.Width) : (info.Width, info.Height);

    /// <summary>Opens a file.</summary>
    /// <returns>The image's size in pixels, as it will be shown.</returns>
    /// <exception cref="ImageDecodeException">The file cannot be read, or its headers are wrong; the message names it.</exception>
    public (int Width, int Height) Open(string path) => Open(Read(path), path);

    /// <summary>Reads a file, which must begin like an image; its bytes stay as they are until the next call of <c>Read</c>, or of
    /// <c>Open</c> with a path.</summary>
    /// <exception cref="ImageDecodeException">The file cannot be read, or is no image; the message names it.</exception>
    internal ReadOnlyMemory<byte> Read(string path)
    {
        format = null;
        try
        {
            if (FileStatus.IsSpecial(path))
                throw new ImageDecodeException(ImageProblem.Unreadable, "it is not a regular file", path);
            int bytes = ReadFile(path);
            return file.AsMemory(0, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new ImageDecodeException(ImageProblem.Unreadable, retries.Describe(e), path, inner: e);
        }
    }

    /// <summary>Reads bytes of a larger file, which stay as they are until the next call of <c>Read</c>, or of <c>Open</c> with a
    /// path.</summary>
    /// <exception cref="ImageDecodeException">They cannot be read, or the file ends before them; the message has
    /// <paramref name="name"/>.</exception>
    internal ReadOnlyMemory<byte> Read(ContainerFiles files, FileRange range, string name)
    {
        format = null;
        int read;
        try
        {
            PooledBuffer.Ensure(ref file, range.Length);
            read = files.Read(range.File, range.Offset, file.AsSpan(0, range.Length), retries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageDecodeException(ImageProblem.Unreadable, retries.Describe(e), name, range.Length, e);
        }
        return read == range.Length
            ? file.AsMemory(0, read)
            : throw new ImageDecodeException(
                ImageProblem.Truncated, $"the file that holds it ends after {read} of its bytes", name, range.Length);
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
            if (Gunzip.Matches(data.Span))
                this.data = gunzip.Unpack(data);
            int number = ImageFormats.Find(this.data.Span);
            IFormatDecoder found = number < 0 ? throw ImageFormats.Unknown(this.data.Span) : DecoderOf(number);
            info = found.Open(this.data.Span);
            format = found;
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
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
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
        {
            throw Named(e);
        }
        finally
        {
            (format, data) = (null, default);
        }
    }

    /// <summary>How many times reads were tried again since the last call.</summary>
    internal int TakeRetries() => retries.TakeCount();

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
        gunzip.Dispose();
        PooledBuffer.Release(ref file);
    }

    /// <summary>Reads a file, which must begin like an image; again where the file system fails.</summary>
    /// <returns>Its length.</returns>
    int ReadFile(string path)
    {
        for (int failures = 0; ; failures++)
        {
            try
            {
                using SafeFileHandle handle = Reads.Open(path);
                return ReadFile(handle, path);
            }
            catch (IOException e) when (retries.Allow(e, failures))
            {
                retries.Pause(failures);
            }
        }
    }

    int ReadFile(SafeFileHandle handle, string path)
    {
        long bytes = Reads.Length(handle);
        if (bytes > Array.MaxLength)
            throw new ImageDecodeException(ImageProblem.TooLarge, "the file is larger than 2 GB", path, bytes);
        Span<byte> head = stackalloc byte[(int)Math.Min(ForeignFiles.Head, bytes)];
        if (Reads.Fill(handle, head, 0) < head.Length)
            throw new ShortReadException(0, bytes);
        if (head.Length > 0 && !Gunzip.Matches(head) && ImageFormats.Find(head) < 0)
            throw ImageFormats.Unknown(head).At(path, bytes);
        PooledBuffer.Ensure(ref file, (int)bytes);
        int read = Reads.Fill(handle, file.AsSpan(0, (int)bytes), 0);
        return read == bytes && Reads.Length(handle) == bytes ? read : throw new ShortReadException(read, bytes);
    }

    IFormatDecoder DecoderOf(int number) => decoders[number] ??= ImageFormats.All[number].Create(options, budget);

    ImageDecodeException Named(Exception e) => (e as ImageDecodeException)?.At(name, length)
        ?? new ImageDecodeException(ImageProblem.Corrupt, "the data are damaged: " + e.Message, name, length, e);
}
