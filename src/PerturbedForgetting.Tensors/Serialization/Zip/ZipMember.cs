using System.IO.Hashing;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>A file inside of a zip archive.</summary>
/// <param name="file">The archive.</param>
/// <param name="Name">Its path there.</param>
/// <param name="Begin">Where its bytes begin in the archive.</param>
/// <param name="StoredLength">Bytes it takes there.</param>
/// <param name="Length">Bytes it has.</param>
/// <param name="IsDeflated">Whether it is compressed.</param>
/// <param name="Crc32">Its checksum, as the archive says.</param>
sealed record ZipMember(PositionalFile file, string Name, long Begin, long StoredLength, long Length, bool IsDeflated, uint Crc32)
{
    /// <summary>Its bytes, from the beginning; reading them throws a <see cref="WeightsException"/> where they are damaged.</summary>
    public Stream OpenRead()
    {
        Stream stored = file.Range(Begin, StoredLength);
        return IsDeflated
            ? new InflatedStream(stored, Length, e => new WeightsException(file.Path, $"the archive's member '{Name}' is damaged: "
                + $"{e.Message}", e))
            : stored;
    }

    /// <summary>All of its bytes, where there are not too many.</summary>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="WeightsException">It is larger or damaged.</exception>
    public byte[] ReadAll(long most)
    {
        if (Length > most)
            throw Defect($"has {Length} bytes; at most {most} are expected.");
        byte[] bytes = new byte[Length];
        using Stream stream = OpenRead();
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw Defect("ends early: the archive is damaged.");
        return bytes;
    }

    /// <summary>Whether its bytes have the checksum that the archive gives.</summary>
    public bool HasRightChecksum()
    {
        var hash = new Crc32();
        try
        {
            using Stream stream = OpenRead();
            byte[] buffer = new byte[(int)Math.Min(1 << 17, Length)];
            for (long left = Length; left > 0;)
            {
                int read = stream.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, left)));
                if (read == 0)
                    return false;
                hash.Append(buffer.AsSpan(0, read));
                left -= read;
            }
        }
        catch (WeightsException)
        {
            return false;
        }
        return hash.GetCurrentHashAsUInt32() == Crc32;
    }

    WeightsException Defect(string defect) => new(file.Path, $"the archive's member '{Name}' {defect}");
}
