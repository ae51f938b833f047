using System.Buffers.Binary;
using System.Text;
using PerturbedForgetting.Tensors.Serialization.Torch;
using PerturbedForgetting.Tensors.Serialization.Zip;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>
/// Collects tensors and writes them as a state dictionary that <c>torch.load(path, weights_only=True)</c> reads (PyTorch 1.6 and newer):
/// an ordered dictionary of dense tensors, each with its own storage. Texts about the file are members of the archive of their own, which
/// PyTorch passes over. The same tensors and texts give the same bytes.
/// </summary>
/// <param name="metadata">Texts by key, which <see cref="WeightsFile.Metadata"/> gives back.</param>
public sealed class TorchWriter(IEnumerable<KeyValuePair<string, string>>? metadata = null) : IWeightsWriter
{
    const string Folder = "archive";

    /// <summary>As PyTorch aligns them.</summary>
    const int Alignment = 64;

    readonly KeyValuePair<string, string>[] metadata = [.. metadata ?? []];
    readonly List<Item> items = [];
    readonly HashSet<string> names = new(StringComparer.Ordinal);

    readonly record struct Item(string Name, SafetensorsDType DType, long[] Shape, long ByteLength, Action<Stream> Source);

    /// <inheritdoc/>
    public void Add(string name, SafetensorsDType dtype, ReadOnlySpan<long> shape, Action<Stream> source)
    {
        if (!names.Add(name))
            throw new ArgumentException($"The tensor name '{name}' is taken.", nameof(name));
        foreach (long size in shape)
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
        long bytes = dtype.ByteLength(shape);
        if (bytes < 0)
            throw new ArgumentException($"Tensor '{name}' is larger than any file.", nameof(shape));
        items.Add(new(name, dtype, shape.ToArray(), bytes, source));
    }

    /// <inheritdoc/>
    public void Save(string path) => AtomicFile.Write(path, WriteTo);

    /// <summary>Writes the file to a seekable stream, from its beginning.</summary>
    /// <exception cref="InvalidOperationException">A source wrote more or fewer bytes than its shape says.</exception>
    /// <exception cref="IOException">The file has more than 4 GB.</exception>
    public void WriteTo(Stream stream)
    {
        var zip = new ZipWriter(stream, Alignment);
        byte[] pickle = Pickle();
        zip.Add($"{Folder}/data.pkl", pickle.Length, s => s.Write(pickle));
        zip.Add($"{Folder}/byteorder", 6, static s => s.Write("little"u8));
        for (int i = 0; i < items.Count; i++)
            zip.Add($"{Folder}/data/{i}", items[i].ByteLength, items[i].Source);
        foreach ((string key, string value) in metadata)
        {
            byte[] text = Encoding.UTF8.GetBytes(value);
            zip.Add($"{Folder}/{TorchZipFile.MetadataFolder}{key}", text.Length, s => s.Write(text));
        }
        zip.Add($"{Folder}/version", 2, static s => s.Write("3\n"u8));
        zip.Complete();
    }

    /// <summary>The dictionary in protocol 2, with nothing but what the restricted reader of PyTorch 1.13 takes.</summary>
    byte[] Pickle()
    {
        using var pickle = new MemoryStream();
        pickle.Write([0x80, 2]);
        EmptyOrderedDict(pickle);
        pickle.WriteByte((byte)'(');
        for (int i = 0; i < items.Count; i++)
        {
            Text(pickle, items[i].Name);
            Tensor(pickle, items[i], i);
        }
        pickle.Write("u."u8);
        return pickle.ToArray();
    }

    static void Tensor(Stream pickle, Item item, int key)
    {
        pickle.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
        Text(pickle, "storage");
        pickle.Write(Encoding.ASCII.GetBytes($"ctorch\n{StorageName(item.DType)}\n"));
        Text(pickle, key.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Text(pickle, "cpu");
        Number(pickle, item.ByteLength / item.DType.Size());
        pickle.Write("tQ"u8);
        Number(pickle, 0);
        Sizes(pickle, item.Shape);
        Sizes(pickle, ItemBuffers.DenseStrides(item.Shape));
        // No gradient, no hooks.
        pickle.WriteByte(0x89);
        EmptyOrderedDict(pickle);
        pickle.Write("tR"u8);
    }

    static string StorageName(SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 => "DoubleStorage",
        SafetensorsDType.F32 => "FloatStorage",
        SafetensorsDType.F16 => "HalfStorage",
        SafetensorsDType.BF16 => "BFloat16Storage",
        SafetensorsDType.I64 => "LongStorage",
        SafetensorsDType.I32 => "IntStorage",
        SafetensorsDType.I16 => "ShortStorage",
        SafetensorsDType.I8 => "CharStorage",
        SafetensorsDType.U8 => "ByteStorage",
        _ => "BoolStorage",
    };

    static void EmptyOrderedDict(Stream pickle) => pickle.Write("ccollections\nOrderedDict\n)R"u8);

    static void Sizes(Stream pickle, long[] sizes)
    {
        pickle.WriteByte((byte)'(');
        foreach (long size in sizes)
            Number(pickle, size);
        pickle.WriteByte((byte)'t');
    }

    static void Text(Stream pickle, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        pickle.WriteByte((byte)'X');
        pickle.Write(length);
        pickle.Write(bytes);
    }

    static void Number(Stream pickle, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        if (value <= int.MaxValue)
        {
            pickle.WriteByte((byte)'J');
            pickle.Write(bytes[..4]);
        }
        else
        {
            pickle.Write([0x8a, 8]);
            pickle.Write(bytes);
        }
    }
}
