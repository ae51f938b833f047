using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>
/// Collects tensors and writes them as one safetensors file, in the order they were added, streaming: a source is asked for its
/// bytes only while the file is written. The file carries its own length and SHA-256 in the metadata (see
/// <see cref="SafetensorsFile.ChecksumKey"/>), which other readers of the format ignore. The same tensors and metadata give the
/// same bytes.
/// </summary>
public sealed class SafetensorsWriter : IWeightsWriter
{
    // One pass over the tensors: the header is written with digits that are replaced once the hash is known.
    static readonly string ChecksumPlaceholder = new('0', SafetensorsFile.ChecksumLength);

    readonly SortedDictionary<string, string> metadata = new(StringComparer.Ordinal);
    readonly List<Item> items = [];
    readonly HashSet<string> names = new(StringComparer.Ordinal);
    long dataLength;

    /// <summary>Creates a writer with the given metadata.</summary>
    /// <exception cref="ArgumentException">A key is one of the two this class writes itself.</exception>
    public SafetensorsWriter(IEnumerable<KeyValuePair<string, string>>? metadata = null)
    {
        foreach ((string key, string value) in metadata ?? [])
        {
            if (key is SafetensorsFile.ChecksumKey or SafetensorsFile.LengthKey)
                throw new ArgumentException($"The metadata key '{key}' is reserved for the file's own checksum and length.",
                    nameof(metadata));
            this.metadata.Add(key, value);
        }
    }

    readonly record struct Item(string Name, SafetensorsDType DType, long[] Shape, long ByteLength, Action<Stream> Source);

    /// <inheritdoc/>
    public void Add(string name, SafetensorsDType dtype, ReadOnlySpan<long> shape, Action<Stream> source)
    {
        if (name == SafetensorsHeader.MetadataKey || !names.Add(name))
            throw new ArgumentException($"The tensor name '{name}' is taken.", nameof(name));
        foreach (long size in shape)
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
        long bytes = dtype.ByteLength(shape);
        if (bytes < 0 || bytes > long.MaxValue - dataLength)
            throw new ArgumentException($"Tensor '{name}' is larger than any file.", nameof(shape));
        items.Add(new Item(name, dtype, shape.ToArray(), bytes, source));
        dataLength += bytes;
    }

    /// <summary>Adds a tensor from memory that must stay unchanged until the file is written.</summary>
    /// <typeparam name="T">An item type of the same size as <paramref name="dtype"/>.</typeparam>
    /// <exception cref="ArgumentException">As for the other overload, or the data has not the length of the shape.</exception>
    public void Add<T>(string name, SafetensorsDType dtype, ReadOnlySpan<long> shape, ReadOnlyMemory<T> data) where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != dtype.Size() || (long)data.Length * dtype.Size() != dtype.ByteLength(shape))
            throw new ArgumentException($"Tensor '{name}': {data.Length} items of {typeof(T).Name} do not fill {dtype.Name()} "
                + $"[{string.Join(", ", shape.ToArray())}].", nameof(data));
        Add(name, dtype, shape, stream => WriteItems(stream, data.Span));
    }

    /// <inheritdoc/>
    public void Save(string path) => AtomicFile.Write(path, WriteTo);

    /// <summary>Writes the file to a seekable stream, from its current position.</summary>
    /// <exception cref="InvalidOperationException">A source wrote more or fewer bytes than its shape says.</exception>
    public void WriteTo(Stream stream)
    {
        byte[] header = BuildHeader(out int checksumPosition);
        long start = stream.Position;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        HashingStream output = new(stream, hash.AppendData);
        output.Write(header);
        foreach (Item item in items)
        {
            output.Remaining = item.ByteLength;
            item.Source(output);
            if (output.Remaining != 0)
                throw new InvalidOperationException(
                    $"The source of tensor '{item.Name}' left {output.Remaining} of {item.ByteLength} bytes unwritten.");
        }
        output.FlushBuffer();
        long end = stream.Position;
        stream.Position = start + checksumPosition;
        stream.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())));
        stream.Position = end;
    }

    static void WriteItems<T>(Stream stream, ReadOnlySpan<T> items) where T : unmanaged
    {
        // A byte span holds at most 2^31-1 bytes, so large tensors go in pieces.
        const int PieceItems = 1 << 24;
        for (; !items.IsEmpty; items = items[Math.Min(PieceItems, items.Length)..])
            stream.Write(MemoryMarshal.AsBytes(items[..Math.Min(PieceItems, items.Length)]));
    }

    byte[] BuildHeader(out int checksumPosition)
    {
        // The length's digits have a fixed width, so the first build already has the final size.
        byte[] json = BuildJson(0);
        int padded = (json.Length + 7) / 8 * 8;
        json = BuildJson(8L + padded + dataLength);
        byte[] header = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(header, padded);
        json.CopyTo(header, 8);
        header.AsSpan(8 + json.Length).Fill((byte)' ');
        byte[] marker = Encoding.ASCII.GetBytes($"\"{SafetensorsFile.ChecksumKey}\":\"");
        checksumPosition = header.AsSpan().IndexOf(marker) + marker.Length;
        return header;
    }

    byte[] BuildJson(long fileLength)
    {
        using MemoryStream buffer = new();
        // Names stay readable; the result is never shown in a web page.
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(SafetensorsHeader.MetadataKey);
            // First, so that no text of the caller can be mistaken for it.
            json.WriteString(SafetensorsFile.ChecksumKey, ChecksumPlaceholder);
            json.WriteString(SafetensorsFile.LengthKey, fileLength.ToString("D20", CultureInfo.InvariantCulture));
            foreach ((string key, string value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
            long position = 0;
            foreach (Item item in items)
            {
                json.WriteStartObject(item.Name);
                json.WriteString("dtype", item.DType.Name());
                json.WriteStartArray("shape");
                foreach (long size in item.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(position += item.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        byte[] result = buffer.ToArray();
        if (result.Length > SafetensorsFile.MaxHeaderBytes - 8)
            throw new InvalidOperationException(
                $"The header would take {result.Length} bytes; the format allows {SafetensorsFile.MaxHeaderBytes}.");
        return result;
    }
}
