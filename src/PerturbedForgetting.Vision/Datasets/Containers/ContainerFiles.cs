using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>The files that a set is made of, read at any place from any number of threads. Few are open at a time: a set may have more
/// than a process may open.</summary>
/// <param name="paths">The files.</param>
/// <param name="retries">How reads are tried again; by default as often as images are.</param>
/// <param name="reads">What reads them; by default the system.</param>
/// <param name="unpacked">Those that are read unpacked, by their numbers; disposed with the files.</param>
sealed class ContainerFiles(IReadOnlyList<string> paths, ReadRetries? retries = null, FileReads? reads = null,
    IReadOnlyDictionary<int, UnpackedFile>? unpacked = null) : IDisposable
{
    const int MostOpen = 64;

    readonly ReadRetries ownRetries = retries ?? new ReadRetries(ImageDecoderOptions.DefaultReadRetries);
    readonly FileReads reads = reads ?? FileReads.System;

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
            return reads.Length(handle);
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    /// <summary>Reads from <paramref name="offset"/> on until <paramref name="into"/> is full or the file ends.</summary>
    /// <param name="file">Number of the file.</param>
    /// <param name="offset">Place of the first byte.</param>
    /// <param name="into">Where the bytes go.</param>
    /// <param name="retries">How the read is tried again, by whom it is for; else as the files' own are.</param>
    /// <returns>The number of bytes read.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="OperationCanceledException">It was ended while it waited to be tried again.</exception>
    public int Read(int file, long offset, Span<byte> into, ReadRetries? retries = null)
    {
        retries ??= ownRetries;
        for (int failures = 0; ; failures++)
        {
            try
            {
                return ReadOnce(file, offset, into);
            }
            catch (IOException e) when (retries.Allow(e, failures))
            {
                // What is open may be what is wrong: a file of a server that has started anew.
                Drop(file);
                retries.Pause(failures);
            }
        }
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            while (open.TryDequeue(out int file))
                Close(file);
            foreach (UnpackedFile file in unpacked?.Values ?? [])
                file.Dispose();
            unpacked = null;
        }
    }

    int ReadOnce(int file, long offset, Span<byte> into)
    {
        SafeFileHandle handle = Acquire(file);
        try
        {
            int read = reads.Fill(handle, into, offset);
            return read == into.Length || reads.Length(handle) - into.Length < offset
                ? read
                : throw new ShortReadException(read, into.Length);
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    void Drop(int file)
    {
        lock (gate)
        {
            if (handles[file] is null)
                return;
            Close(file);
            for (int left = open.Count; left > 0; left--)
            {
                if (open.Dequeue() is var other && other != file)
                    open.Enqueue(other);
            }
        }
    }

    /// <summary>An open handle, kept from being closed until it is released: another thread may need its place meanwhile.</summary>
    SafeFileHandle Acquire(int file)
    {
        lock (gate)
        {
            if (handles[file] is not { } handle)
            {
                string place = unpacked?.GetValueOrDefault(file)?.Place ?? paths[file];
                if (FileStatus.IsSpecial(place))
                    throw new IOException($"{paths[file]} is not a regular file");
                if (open.Count == MostOpen)
                    Close(open.Dequeue());
                handles[file] = handle = reads.Open(place);
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
