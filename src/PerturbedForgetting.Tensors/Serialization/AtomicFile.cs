namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Changes files so that a reader sees either the whole old content or the whole new content, whatever interrupts the
/// writer.</summary>
public static class AtomicFile
{
    const string TemporaryPrefix = ".pf-", TemporarySuffix = ".tmp";

    /// <summary>Called on this thread before each change of the file system, so that a test can look at what a kill there leaves.</summary>
    [ThreadStatic]
    internal static Action? Changing;

    /// <summary>
    /// Writes to a temporary file beside <paramref name="path"/>, flushes it to the disk and renames it over <paramref name="path"/>.
    /// Missing folders are created. When anything fails the old file stays as it was and the temporary file is removed.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content; the stream is unbuffered and seekable.</param>
    /// <exception cref="IOException">The file cannot be written: no space, no permission, no such device. The message says which path and
    /// why.</exception>
    public static void Write(string path, Action<Stream> write) =>
        Write(path, write, static temp => new FileStream(temp, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));

    /// <summary>Writes UTF-8 text without a byte order mark, as <see cref="Write(string, Action{Stream})"/> does.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Gives a file another name in its folder, in place of what has that name.</summary>
    public static void Rename(string path, string target)
    {
        Changing?.Invoke();
        File.Move(path, target, overwrite: true);
    }

    /// <summary>Removes a file, if there is one.</summary>
    public static void Delete(string path)
    {
        if (!File.Exists(path))
            return;
        Changing?.Invoke();
        File.Delete(path);
    }

    /// <summary>Removes the temporary files that writers left which were killed. No other process may be writing into the folder.</summary>
    public static void DeleteAbandoned(string folder)
    {
        foreach (string path in Directory.GetFiles(folder, $"{TemporaryPrefix}*{TemporarySuffix}"))
            Delete(path);
    }

    /// <summary>The same with a stream that a test chooses, to stand for a full disk.</summary>
    internal static void Write(string path, Action<Stream> write, Func<string, Stream> create)
    {
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            Directory.CreateDirectory(folder);
            Changing?.Invoke();
            // Not derived from the file's own name, which may already be as long as the file system allows.
            string temp = Path.Combine(folder, $"{TemporaryPrefix}{Guid.NewGuid():N}{TemporarySuffix}");
            try
            {
                using (Stream stream = create(temp))
                {
                    write(stream);
                    stream.Flush();
                    (stream as FileStream)?.Flush(flushToDisk: true);
                }
                Rename(temp, path);
            }
            catch
            {
                DeleteQuietly(temp);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot write '{path}': {e.Message} A file of that name, if there was one, is unchanged.", e);
        }
    }

    static void DeleteQuietly(string temp)
    {
        try
        {
            File.Delete(temp);
        }
        // The first error is the one to report.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
