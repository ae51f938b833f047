using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>
/// A safetensors file opened for reading: 8 bytes little-endian length of the header, the header as JSON, the tensors' bytes.
/// The header is checked completely when the file is opened (bounds, overlaps, gaps, duplicates, trailing bytes); no length in
/// it is trusted. Tensors are read on demand, from any thread.
/// </summary>
public sealed class SafetensorsFile : WeightsFile
{
    /// <summary>Metadata key of the checksum: SHA-256 over the whole file with the checksum's own digits replaced by zeros, in
    /// hexadecimal.</summary>
    public const string ChecksumKey = "pf_sha256";

    /// <summary>Metadata key of the length of the whole file in bytes, in decimal.</summary>
    public const string LengthKey = "pf_file_bytes";

    /// <summary>The largest header that is accepted, as in the reference implementation of the format.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    internal const int ChecksumLength = 2 * SHA256.HashSizeInBytes;

    readonly SafeFileHandle handle;
    readonly SafetensorsHeader header;
    readonly long dataStart;
    readonly Dictionary<string, SafetensorsEntry> entries = new(StringComparer.Ordinal);
    readonly string[] names;

    SafetensorsFile(string path, SafeFileHandle handle) : base(path)
    {
        this.handle = handle;
        Length = RandomAccess.GetLength(handle);
        if (Length < 8)
            throw new SafetensorsException(path, $"the file has {Quantity.Of(Length, "byte")}; a safetensors file has at least 8.");
        Span<byte> prefix = stackalloc byte[8];
        ReadAt(0, prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeaderBytes)
            throw new SafetensorsException(path,
                $"the header claims {headerLength} bytes; at most {MaxHeaderBytes} are allowed. This is not a safetensors file, or it is "
                + "damaged.");
        if (headerLength > (ulong)Length - 8)
            throw new SafetensorsException(path,
                $"the header claims {headerLength} bytes, but the file has only {Length}: the file is truncated or damaged.");
        byte[] json = new byte[headerLength];
        ReadAt(8, json);
        dataStart = 8 + json.Length;
        header = SafetensorsHeader.Parse(path, json, Length - dataStart);
        names = new string[header.Tensors.Count];
        for (int i = 0; i < names.Length; i++)
        {
            SafetensorsHeader.TensorInfo t = header.Tensors[i];
            names[i] = t.Name;
            entries.Add(t.Name, new SafetensorsEntry(this, t.Name, t.DType, t.Shape, t.Begin));
        }
    }

    /// <inheritdoc/>
    public override string Format => "safetensors";

    /// <summary>Length of the whole file in bytes.</summary>
    public long Length { get; }

    /// <summary>Names of all tensors in the order of their data.</summary>
    public override IReadOnlyList<string> Names => names;

    /// <summary>The string map <c>__metadata__</c>; empty when there is none.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Whether the file carries a checksum that <see cref="Verify"/> can test.</summary>
    public override bool HasChecksum => header.ChecksumPosition >= 0;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="SafetensorsException">The file is malformed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle handle = File.OpenHandle(path, options: FileOptions.RandomAccess);
        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool Contains(string name) => entries.ContainsKey(name);

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="SafetensorsException">There is none.</exception>
    public override SafetensorsEntry Entry(string name) =>
        entries.TryGetValue(name, out SafetensorsEntry? entry)
            ? entry
            : throw new SafetensorsException(Path, $"there is no tensor '{name}' among its {names.Length}.");

    /// <summary>Reads the whole file once and compares it with the length and checksum it carries.</summary>
    /// <exception cref="SafetensorsException">They differ, or the file carries none.</exception>
    public override void Verify()
    {
        if (!HasChecksum || !Metadata.TryGetValue(LengthKey, out string? lengthText))
            throw new SafetensorsException(Path, "the file carries no checksum, so it was not written by this program or is damaged.");
        if (!long.TryParse(lengthText, NumberStyles.None, CultureInfo.InvariantCulture, out long length) || length != Length)
            throw new SafetensorsException(Path, $"the checksum does not hold: the file says it has {lengthText} bytes and has {Length}.");
        string expected = Metadata[ChecksumKey];
        string actual = ComputeChecksum();
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
            throw new SafetensorsException(Path,
                $"the checksum does not match: stored {expected}, computed {actual}. The file was damaged after it was written; use "
                + "another checkpoint.");
    }

    /// <inheritdoc/>
    public override void Dispose() => handle.Dispose();

    internal void ReadData(long begin, Span<byte> destination) => ReadAt(dataStart + begin, destination);

    string ComputeChecksum()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[(int)Math.Min(1 << 20, Length)];
        long zerosBegin = 8 + header.ChecksumPosition;
        for (long position = 0; position < Length; position += buffer.Length)
        {
            Span<byte> chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, Length - position));
            ReadAt(position, chunk);
            long from = Math.Max(zerosBegin - position, 0);
            long to = Math.Min(zerosBegin + ChecksumLength - position, chunk.Length);
            if (from < to)
                chunk[(int)from..(int)to].Fill((byte)'0');
            hash.AppendData(chunk);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    void ReadAt(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(handle, destination, position);
            if (read == 0)
                throw new SafetensorsException(Path, $"the file ends at byte {position}; it was shortened while it was being read.");
            destination = destination[read..];
            position += read;
        }
    }
}
