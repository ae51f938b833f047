using System.Formats.Tar;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Writes a WebDataset shard: of each sample the image and, in a .cls file, the number of its class. Equal samples make equal
/// bytes.</summary>
/// <param name="shard">Where the shard goes; it stays open.</param>
sealed class ShardWriter(Stream shard) : IDisposable
{
    /// <summary>What the header of the oldest format holds.</summary>
    const int LongestName = 100;

    readonly TarWriter writer = new(shard, TarEntryFormat.Pax, leaveOpen: true);
    readonly HashSet<string> keys = new(StringComparer.Ordinal);

    /// <summary>Name of a shard, as all of a split are found by: "train-000007.tar".</summary>
    public static string NameOf(string split, int shard) => string.Create(CultureInfo.InvariantCulture, $"{split}-{shard:D6}.tar");

    /// <summary>The lines of <see cref="WebDatasetSet.ClassesFile"/>, which lies beside the shards.</summary>
    public static string ClassLines(ClassList classes) =>
        string.Concat(classes.Names.Select(static (name, number) => string.Create(CultureInfo.InvariantCulture, $"{name}\t{number}\n")));

    /// <summary>Writes a sample.</summary>
    /// <param name="name">Its name in the set, with '/' between folders. A key of WebDataset ends at its first dot, so that dots become
    /// '_'; a name that the shard has already gets a number.</param>
    /// <param name="extension">That of the image, without a dot: "jpg".</param>
    /// <param name="image">The image as it is stored.</param>
    /// <param name="label">Number of its class.</param>
    /// <returns>The key that it got.</returns>
    /// <exception cref="IOException">The shard cannot be written.</exception>
    public string Add(string name, string extension, ReadOnlyMemory<byte> image, int label)
    {
        string key = KeyOf(name);
        for (int number = 2; !keys.Add(key); number++)
            key = string.Create(CultureInfo.InvariantCulture, $"{KeyOf(name)}_{number}");
        Write($"{key}.cls", Encoding.ASCII.GetBytes(label.ToString(CultureInfo.InvariantCulture)));
        Write($"{key}.{extension}", image);
        return key;
    }

    /// <summary>Writes the end mark.</summary>
    public void Dispose() => writer.Dispose();

    static string KeyOf(string name)
    {
        int last = name.LastIndexOf('/') + 1;
        return string.Concat(name.AsSpan(0, last), name[last..].Replace('.', '_'));
    }

    void Write(string name, ReadOnlyMemory<byte> data)
    {
        bool isShort = Encoding.UTF8.GetByteCount(name) is var bytes && bytes <= LongestName && bytes == name.Length;
        // A pax header takes a kilobyte, so that it is left to names that need it.
        TarEntry entry = isShort ? new UstarTarEntry(TarEntryType.RegularFile, name) : new PaxTarEntry(TarEntryType.RegularFile, name);
        entry.Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        entry.ModificationTime = DateTimeOffset.UnixEpoch;
        entry.DataStream = MemoryMarshal.TryGetArray(data, out ArraySegment<byte> array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(data.ToArray(), writable: false);
        writer.WriteEntry(entry);
    }
}
