using System.Buffers;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>An image of 8-bit RGB samples, interleaved, rows from top to bottom without padding.</summary>
/// <remarks>The buffer comes from the shared array pool and is kept between images, so that a worker that decodes
/// image after image into one instance allocates nothing. Not thread-safe.</remarks>
public sealed class RgbImage : IDisposable
{
    /// <summary>Bytes behind the last pixel that may be read, so that vector loads need no special case there.</summary>
    internal const int Slack = 64;

    byte[] buffer = [];

    /// <summary>Width in pixels; 0 until <see cref="Resize"/> gives the image a size.</summary>
    public int Width { get; private set; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; private set; }

    /// <summary>Bytes from one row to the next: 3 x width.</summary>
    public int Stride => Width * 3;

    /// <summary>All samples, height x width x 3.</summary>
    public Span<byte> Pixels => buffer.AsSpan(0, Width * Height * 3);

    internal byte[] Buffer => buffer;

    /// <summary>One row, width x 3 samples.</summary>
    public Span<byte> Row(int y) => Pixels.Slice(y * Stride, Stride);

    /// <summary>Gives the image a new size; its contents are then undefined.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive, or the image exceeds 2^31 bytes.</exception>
    public void Resize(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        long bytes = (long)width * height * 3 + Slack;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Array.MaxLength);
        PooledBuffer.Ensure(ref buffer, (int)bytes);
        (Width, Height) = (width, height);
    }

    /// <summary>Turns and mirrors the image as an EXIF orientation (1 to 8) demands; 1 and unknown values change nothing.</summary>
    public void ApplyOrientation(int orientation)
    {
        if (orientation is < 2 or > 8)
            return;
        int width = Width, height = Height;
        byte[] copy = ArrayPool<byte>.Shared.Rent(width * height * 3);
        Pixels.CopyTo(copy);
        if (ExifOrientation.IsTransposed(orientation))
            Resize(height, width);
        Span<byte> target = Pixels;
        for (int y = 0, at = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++, at += 3)
            {
                (int sourceX, int sourceY) = ExifOrientation.Source(orientation, x, y, width, height);
                copy.AsSpan((sourceY * width + sourceX) * 3, 3).CopyTo(target[at..]);
            }
        }
        ArrayPool<byte>.Shared.Return(copy);
    }

    /// <summary>Gives the buffer back to the pool; the image is empty afterwards and may be resized again.</summary>
    public void Dispose()
    {
        PooledBuffer.Release(ref buffer);
        (Width, Height) = (0, 0);
    }
}
