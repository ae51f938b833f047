namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Looks at small pieces of a file, each behind the one before, and reads little of what lies between them.</summary>
sealed class FileWindow
{
    /// <summary>Bytes that one look may ask for.</summary>
    public const int Least = 1 << 12;

    const int Most = 1 << 16;

    readonly ReadAt read;
    readonly byte[] buffer = new byte[Most];
    long start;
    int count;

    /// <summary>A window on a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public FileWindow(ContainerFiles files, int file)
        : this(files.Length(file), (offset, into) => files.Read(file, offset, into))
    {
    }

    /// <summary>A window on bytes.</summary>
    public FileWindow(ReadOnlyMemory<byte> data)
        : this(data.Length, (offset, into) =>
        {
            ReadOnlySpan<byte> part = data.Span[(int)Math.Min(offset, data.Length)..];
            part = part[..Math.Min(part.Length, into.Length)];
            part.CopyTo(into);
            return part.Length;
        })
    {
    }

    FileWindow(long length, ReadAt read) => (Length, this.read) = (length, read);

    delegate int ReadAt(long offset, Span<byte> into);

    /// <summary>Length of the file.</summary>
    public long Length { get; }

    /// <summary>Bytes from a place on; fewer than were asked for only where the file ends.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public ReadOnlySpan<byte> At(long offset, int length)
    {
        if (offset < start || offset + length > start + count)
        {
            // Pieces that lie close together are read in one go; what lies far behind the last is reached without what comes before.
            bool near = offset >= start && offset <= start + count + Least;
            Fill(offset, near ? Most : Least);
        }
        int at = (int)(offset - start);
        return buffer.AsSpan(at, Math.Min(length, count - at));
    }

    /// <summary>A copy of any number of bytes.</summary>
    /// <exception cref="IOException">The file cannot be read, or has become shorter than it was.</exception>
    public ReadOnlyMemory<byte> Copy(long offset, int length)
    {
        var bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            ReadOnlySpan<byte> part = At(offset + done, Math.Min(Least, length - done));
            if (part.IsEmpty)
                throw new IOException("the file has become shorter");
            part.CopyTo(bytes.AsSpan(done));
            done += part.Length;
        }
        return bytes;
    }

    void Fill(long offset, int most)
    {
        (start, count) = (offset, 0);
        while (count < most && read(start + count, buffer.AsSpan(count, most - count)) is > 0 and int more)
            count += more;
    }
}
