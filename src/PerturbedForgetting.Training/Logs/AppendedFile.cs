namespace PerturbedForgetting.Training.Logs;

/// <summary>A file that is only added to. Each addition is one write, so that whoever follows the file, or kills its writer, sees whole
/// additions.</summary>
sealed class AppendedFile : IDisposable
{
    readonly string path;
    readonly FileStream file;

    /// <summary>Opens the file at its end, or makes it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public AppendedFile(string path)
    {
        this.path = path;
        file = Do(() => new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0));
        file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Adds bytes.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Add(ReadOnlyMemory<byte> bytes) => Do(() =>
    {
        file.Write(bytes.Span);
        return 0;
    });

    /// <summary>Brings what was added to the disk.</summary>
    /// <returns>Length of the file.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    public long Flush() => Do(() =>
    {
        file.Flush(flushToDisk: true);
        return file.Length;
    });

    public void Dispose() => file.Dispose();

    T Do<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot write the log '{path}': {e.Message}", e);
        }
    }
}
