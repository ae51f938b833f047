using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The calls to the system by which images are read. Tests put failing ones in their place.</summary>
class FileReads
{
    /// <summary>Those of the system.</summary>
    public static FileReads System { get; } = new();

    /// <summary>Opens a file to read at any place.</summary>
    public virtual SafeFileHandle Open(string path) => File.OpenHandle(path);

    /// <summary>The length of a file in bytes.</summary>
    public virtual long Length(SafeFileHandle handle) => RandomAccess.GetLength(handle);

    /// <summary>Reads bytes, possibly fewer than asked for; 0 at the end of the file.</summary>
    public virtual int Read(SafeFileHandle handle, Span<byte> into, long offset) => RandomAccess.Read(handle, into, offset);

    /// <summary>Reads until <paramref name="into"/> is full or the file ends.</summary>
    /// <returns>The number of bytes read.</returns>
    public int Fill(SafeFileHandle handle, Span<byte> into, long offset)
    {
        int read = 0;
        while (read < into.Length && Read(handle, into[read..], offset + read) is > 0 and int more)
            read += more;
        return read;
    }
}
