using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Fills <paramref name="destination"/> with the bytes of a file from <paramref name="position"/> on; any thread may call
/// it.</summary>
delegate void ReadAt(long position, Span<byte> destination);

/// <summary>An open file that is read by position.</summary>
sealed class PositionalFile : IDisposable
{
    readonly SafeFileHandle handle;

    /// <exception cref="IOException">It cannot be opened.</exception>
    public PositionalFile(string path)
    {
        Path = path;
        handle = File.OpenHandle(path, options: FileOptions.RandomAccess);
        Length = RandomAccess.GetLength(handle);
    }

    public string Path { get; }

    public long Length { get; }

    /// <exception cref="WeightsException">The file has become shorter.</exception>
    public void Read(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(handle, destination, position);
            if (read == 0)
                throw new WeightsException(Path, $"the file ends at byte {position}; it was shortened while it was being read.");
            destination = destination[read..];
            position += read;
        }
    }

    /// <summary>A part of it as a stream.</summary>
    public Stream Range(long begin, long length) => new RangeStream(Read, begin, length);

    public void Dispose() => handle.Dispose();
}
