using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Serialization.Zip;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers.Zip;

/// <summary>An image of a set that lies in a zip archive.</summary>
/// <param name="Entry">The file in the archive.</param>
/// <param name="Path">Its path there, without "./" and the like, with '/' between folders.</param>
/// <param name="Name">Its name in the set.</param>
/// <param name="Room">Bytes from its header to whatever comes behind its data.</param>
/// <param name="Label">Number of the class.</param>
readonly record struct ZipImage(ZipEntry Entry, string Path, string Name, long Room, int Label);

/// <summary>Images in a zip archive, which are read where they are and unpacked one by one.</summary>
sealed class ZipDataset : ContainerDataset
{
    const uint HeaderMark = 0x04034B50;
    const int HeaderLength = 30, LongestExtra = ushort.MaxValue, LargestUnpacked = 1 << 28, FirstBuffer = 1 << 16;

    /// <summary>What a thread has unpacked last, until it has decoded it.</summary>
    [ThreadStatic]
    static byte[]? unpacked;

    readonly ZipImage[] images;

    /// <summary>A set of images.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="images">The images in their order.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="notes">What a user should know.</param>
    public ZipDataset(string path, ZipImage[] images, ClassList classes, DatasetOptions options, IEnumerable<string> notes)
        : base(new ContainerFiles([path], options), Array.ConvertAll(images, RangeOf), Array.ConvertAll(images, static i => i.Label))
    {
        (Name, this.images, Classes) = (path, images, classes);
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <inheritdoc/>
    public override string Describe(int index) => $"{Name}: {images[index].Path}";

    /// <inheritdoc/>
    public override string ImageName(int index) => NameBelowClass(index, images[index].Name);

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte> Image(int index, ReadOnlyMemory<byte> bytes, string name)
    {
        ZipEntry entry = images[index].Entry;
        if (Problem(entry) is { } problem)
            throw new ImageDecodeException(ImageProblem.Unsupported, problem, name);
        ReadOnlySpan<byte> header = bytes.Span;
        if (header.Length < HeaderLength || BinaryPrimitives.ReadUInt32LittleEndian(header) != HeaderMark)
            throw Damaged("its header in the archive is not where it should be", name, entry);
        int start = HeaderLength + BinaryPrimitives.ReadUInt16LittleEndian(header[26..])
            + BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        if (entry.Packed > header.Length - start)
            throw Damaged("its data in the archive would reach into what follows", name, entry);
        ReadOnlyMemory<byte> data = bytes.Slice(start, (int)entry.Packed);
        ReadOnlyMemory<byte> file = entry.Method == ZipEntry.Stored ? data : Unpack(data, entry, name);
        return file.Length == entry.Length && Crc32.HashToUInt32(file.Span) == entry.Crc ? file
            : throw Damaged("it does not have its checksum, so its bytes were changed", name, entry);
    }

    /// <summary>Unpacks a file; memory is taken as it fills.</summary>
    static ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> data, ZipEntry entry, string name)
    {
        MemoryMarshal.TryGetArray(data, out ArraySegment<byte> packed);
        using var source = new MemoryStream(packed.Array!, packed.Offset, packed.Count, writable: false);
        using var stream = new DeflateStream(source, CompressionMode.Decompress);
        byte[] buffer = unpacked ??= new byte[FirstBuffer];
        int filled = 0;
        try
        {
            while (stream.Read(buffer, filled, buffer.Length - filled) is > 0 and int read)
            {
                filled += read;
                if (filled > entry.Length)
                    break;
                if (filled == buffer.Length)
                    Array.Resize(ref buffer, (int)Math.Min(2L * filled, LargestUnpacked + 1));
            }
        }
        catch (InvalidDataException)
        {
            throw Damaged("it cannot be unpacked", name, entry);
        }
        unpacked = buffer;
        return buffer.AsMemory(0, filled);
    }

    static string? Problem(ZipEntry entry) =>
        entry.IsEncrypted ? "the archive has it encrypted; unpack it with the password"
        : entry.Method is not (ZipEntry.Stored or ZipEntry.Deflated)
            ? $"the archive has it packed in a way that is not read (method {entry.Method}); pack it again by an ordinary zip"
        : Math.Max(entry.Length, entry.Packed) > LargestUnpacked ? "the file is larger than 256 MB"
        : null;

    static ImageDecodeException Damaged(string why, string name, ZipEntry entry) => new(ImageProblem.Corrupt, why, name, entry.Length);

    /// <summary>The file with its header, whose length is only told there.</summary>
    static FileRange RangeOf(ZipImage image) => Problem(image.Entry) is null
        ? new(0, image.Entry.Header, (int)Math.Min(image.Room, HeaderLength + 2L * LongestExtra + image.Entry.Packed))
        : new(0, image.Entry.Header, 0);
}
