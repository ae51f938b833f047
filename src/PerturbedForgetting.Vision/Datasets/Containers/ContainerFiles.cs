using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>The files that a set is made of, read at any place from any number of threads. Few are open at a time: a set may have more
/// than a process may open.</summary>
sealed class ContainerFiles(IReadOnlyList<string> paths) : IDisposable
{
    const int MostOpen = 64;

    readonly SafeFileHandle?[] handles = new SafeFileHandle?[paths.Count];
    readonly Queue<int> open = new();
    readonly Lock gate = new();

    /// <summary>The path of each file.</summary>
    public IReadOnlyList<string> Paths => paths;

    /// <summary>The length of a file in bytes.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public long Length(int file)
    {
        SafeFileHandle handle = Acquire(file);
        try
        {
            return RandomAccess.GetLength(handle);
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    /// <summary>Reads from <paramref name="offset"/> on until <paramref name="into"/> is full or the file ends.</summary>
    /// <returns>The number of bytes read.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public int Read(int file, long offset, Span<byte> into)
    {
        SafeFileHandle handle = Acquire(file);
        try
        {
            int read = 0;
            while (read < into.Length && RandomAccess.Read(handle, into[read..], offset + read) is > 0 and int more)
                read += more;
            return read;
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            while (open.TryDequeue(out int file))
                Close(file);
        }
    }

    /// <summary>An open handle, kept from being closed until it is released: another thread may need its place meanwhile.</summary>
    SafeFileHandle Acquire(int file)
    {
        lock (gate)
        {
            if (handles[file] is not { } handle)
            {
                if (FileStatus.IsSpecial(paths[file]))
                    throw new IOException($"{paths[file]} is not a regular file");
                if (open.Count == MostOpen)
                    Close(open.Dequeue());
                handles[file] = handle = File.OpenHandle(paths[file]);
                open.Enqueue(file);
            }
            bool held = false;
            handle.DangerousAddRef(ref held);
            return handle;
        }
    }

    void Close(int file)
    {
        handles[file]!.Dispose();
        handles[file] = null;
    }
}
