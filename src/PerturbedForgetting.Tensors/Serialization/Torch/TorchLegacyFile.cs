using System.Buffers.Binary;
using System.Numerics;
using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tensors.Serialization.Torch;

/// <summary>
/// What torch.save wrote before PyTorch 1.6, and still does on demand: pickles of a magic number, a version, facts about the machine, the
/// object and the storages' keys, one behind the other, then each storage as a 64-bit count and its items. A file that is one plain pickle
/// (arrays of NumPy by name) is read too.
/// </summary>
sealed class TorchLegacyFile : StoredFile
{
    const long Version = 1001;
    const int CountBytes = 8;

    static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356");

    readonly Dictionary<string, (long Begin, long Length)> places = new(StringComparer.Ordinal);
    readonly string format = "PyTorch checkpoint (legacy)";

    public TorchLegacyFile(PositionalFile file, string? key) : base(file)
    {
        using Stream stream = file.Range(0, file.Length);
        var source = new PickleSource(stream, file.Length, Path);
        var types = new TorchTypes();
        PickleContent first = PickleReader.Read(source, types);
        if (first.Value is not BigInteger number || number != Magic)
        {
            format = "pickle of NumPy arrays";
            Fill(first, key, false);
            return;
        }
        if (PickleReader.Read(source, types).Value is var version and not Version)
            throw new WeightsException(Path, $"it is of version {(version is long ? version : "?")} of PyTorch's older format; version "
                + $"{Version} is read.");
        // Facts about the machine. Items and counts are little-endian whatever they say.
        PickleReader.Read(source, types);
        PickleContent content = PickleReader.Read(source, types);
        if (PickleReader.Read(source, types).Value is not PickleList keys)
            throw new WeightsException(Path, "it does not list its storages: it is damaged.");
        Locate(keys, types, source.Position);
        Fill(content, key, false);
    }

    public override string Format => format;

    public override bool HasChecksum => false;

    public override void Verify() => throw new WeightsException(Path, "the format carries no checksums.");

    protected override Stream Open(string key, long begin, long length) => File.Range(places[key].Begin + begin, length);

    void Locate(PickleList keys, TorchTypes types, long at)
    {
        Span<byte> bytes = stackalloc byte[CountBytes];
        foreach (object? item in keys.Items)
        {
            string key = item switch
            {
                string text => text,
                byte[] raw => PickleText.FromBytes(raw),
                _ => throw new WeightsException(Path, "the key of a storage is no text: it is damaged."),
            };
            // The items of a storage of an unknown type have an unknown size, so what follows cannot be found.
            if (!types.Storages.TryGetValue(key, out TorchStorage? storage) || storage.DType is not { } dtype)
                throw new WeightsException(Path, storage is null
                    ? $"no tensor refers to storage '{key}': it is damaged."
                    : $"storage '{key}' is a {storage.TypeName}, which is not read. Save the file anew with a current PyTorch.");
            if (at > File.Length - CountBytes)
                throw Truncated(key);
            File.Read(at, bytes);
            long count = BinaryPrimitives.ReadInt64LittleEndian(bytes);
            if (count != storage.RootCount)
                throw new WeightsException(Path, $"storage '{key}' has {count} items, and tensors refer to {storage.RootCount}: it is "
                    + "damaged.");
            at += CountBytes;
            if ((Int128)count * dtype.Size() > File.Length - at)
                throw Truncated(key);
            if (!places.TryAdd(key, (at, count * dtype.Size())))
                throw new WeightsException(Path, $"storage '{key}' is listed twice: it is damaged.");
            at += count * dtype.Size();
        }
        if (types.Storages.Keys.FirstOrDefault(k => !places.ContainsKey(k)) is { } missing)
            throw new WeightsException(Path, $"storage '{missing}' is missing: the file is damaged.");
    }

    WeightsException Truncated(string key) =>
        new(Path, $"the file ends within storage '{key}': it is truncated. Download or copy it again.");
}
