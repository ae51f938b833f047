namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Writes files so that a reader sees either the whole old content or the whole new content, whatever interrupts the
/// writer.</summary>
public static class AtomicFile
{
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

    /// <summary>The same with a stream that a test chooses, to stand for a full disk.</summary>
    internal static void Write(string path, Action<Stream> write, Func<string, Stream> create)
    {
        try
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            Directory.CreateDirectory(folder);
            // Not derived from the file's own name, which may already be as long as the file system allows.
            string temp = Path.Combine(folder, $".pf-{Guid.NewGuid():N}.tmp");
            try
            {
                using (Stream stream = create(temp))
                {
                    write(stream);
                    stream.Flush();
                    (stream as FileStream)?.Flush(flushToDisk: true);
                }
                File.Move(temp, path, overwrite: true);
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
