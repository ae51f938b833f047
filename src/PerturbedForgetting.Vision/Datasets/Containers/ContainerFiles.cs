using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>The files that a set is made of, read at any place from any number of threads. Few are open at a time: a set may have more
/// than a process may open.</summary>
sealed class ContainerFiles : IDisposable
{
    const int MostOpen = 64;

    readonly ContainerFile[] files;
    readonly FileReads reads;

    readonly SafeFileHandle?[] handles;
    readonly Queue<int> open = new();
    readonly Lock gate = new();
    bool isDisposed;

    /// <summary>Files, none of which is opened yet.</summary>
    /// <param name="files">The files; those that are unpacked are disposed of with these.</param>
    /// <param name="options">How often a read is tried again, and what ends it.</param>
    /// <param name="reads">What reads them; by default the system.</param>
    public ContainerFiles(IEnumerable<ContainerFile> files, DatasetOptions options, FileReads? reads = null)
    {
        this.files = [.. files];
        this.reads = reads ?? FileReads.System;
        Paths = Array.ConvertAll(this.files, static f => f.Name);
        handles = new SafeFileHandle?[this.files.Length];
        Retries = new ReadRetries(options.ReadRetries) { Stop = options.Stop };
    }

    /// <summary>Whole files.</summary>
    public ContainerFiles(IReadOnlyList<string> paths, DatasetOptions options, FileReads? reads = null)
        : this(paths.Select(static p => new ContainerFile(p)), options, reads)
    {
    }

    /// <summary>Whole files, of which those that are packed by gzip are unpacked first.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="options">Progress and stop.</param>
    /// <param name="notes">Is told which were packed.</param>
    /// <exception cref="DatasetException">A file cannot be read or unpacked.</exception>
    public static ContainerFiles Open(IReadOnlyList<string> paths, DatasetOptions options, List<string> notes)
    {
        List<ContainerFile> files = [];
        try
        {
            foreach (string path in paths)
                files.Add(new ContainerFile(path) { Unpacked = UnpackedFile.IsPacked(path) ? UnpackedFile.Open(path, options) : null });
        }
        catch
        {
            foreach (ContainerFile file in files)
                file.Unpacked?.Dispose();
            throw;
        }
        if (files.FindAll(static f => f.Unpacked is not null) is [var first, .. var others])
            notes.Add($"{first.Name}{(others.Count > 0 ? ", …," : "")} had to be unpacked into a temporary file; to save that each time, "
                + "unpack it once (gunzip)");
        return new ContainerFiles(files, options);
    }

    /// <summary>The path of each file.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>How reads are tried again that are for no image.</summary>
    public ReadRetries Retries { get; }

    /// <summary>One of the files.</summary>
    public ContainerFile this[int file] => files[file];

    /// <summary>The length of a file in bytes.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public long Length(int file)
    {
        SafeFileHandle handle = Acquire(file);
        try
        {
            return Length(file, handle);
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
        retries ??= Retries;
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
            if (isDisposed)
                return;
            isDisposed = true;
            foreach (ContainerFile file in files)
                file.Unpacked?.Dispose();
        }
    }

    long Length(int file, SafeFileHandle handle) => files[file].Whole is null ? reads.Length(handle) : files[file].Length;

    int ReadOnce(int file, long offset, Span<byte> into)
    {
        SafeFileHandle handle = Acquire(file);
        try
        {
            long left = Math.Max(0, files[file].Whole is null ? long.MaxValue : files[file].Length - offset);
            int read = reads.Fill(handle, into[..(int)Math.Min(into.Length, left)], files[file].Start + offset);
            return read == into.Length || Length(file, handle) - into.Length < offset
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
                string place = files[file].Place;
                if (FileStatus.IsSpecial(place))
                    throw new IOException($"{Paths[file]} is not a regular file");
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
