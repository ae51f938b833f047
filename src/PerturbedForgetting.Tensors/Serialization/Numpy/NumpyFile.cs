using PerturbedForgetting.Tensors.Serialization.Pickle;
using PerturbedForgetting.Tensors.Serialization.Zip;

namespace PerturbedForgetting.Tensors.Serialization.Numpy;

/// <summary>NumPy's <c>.npz</c>, a zip archive of arrays by name, stored or deflated, and <c>.npy</c>, a single one, which may be a pickled
/// dictionary of arrays.</summary>
sealed class NumpyFile : StoredFile
{
    const string Extension = ".npy";

    readonly ZipDirectory? zip;

    /// <summary>An <c>.npz</c>.</summary>
    public NumpyFile(PositionalFile file, ZipDirectory zip) : base(file)
    {
        this.zip = zip;
        var unread = new List<string>();
        foreach (ZipMember member in zip.Members.Where(static m => m.Name.EndsWith(Extension, StringComparison.Ordinal)))
            Take(member.Name[..^Extension.Length], member.OpenRead, member.Length, unread,
                member.IsDeflated ? null : (begin, length) => file.Range(member.Begin + begin, length));
        NoteUnread(unread);
    }

    /// <summary>An <c>.npy</c>.</summary>
    public NumpyFile(PositionalFile file, string? key) : base(file)
    {
        NpyHeader header;
        using (Stream stream = file.Range(0, file.Length))
            header = NpyHeader.Read(stream, Defect);
        if (header.Type.Code[0] != 'O')
        {
            Take(System.IO.Path.GetFileNameWithoutExtension(Path), () => file.Range(0, file.Length), file.Length, [], file.Range);
            if (Names.Count == 0)
                throw Defect($"its items are of type {header.Type.Code}, which is not read.");
            return;
        }
        using Stream pickle = file.Range(header.Length, file.Length - header.Length);
        PickleContent content = PickleReader.Read(pickle, file.Length - header.Length, Path);
        Fill(content.Value is NumpyArray { Objects: [var single] } ? content with { Value = single } : content, key, false);
    }

    /// <inheritdoc/>
    public override string Format => zip is null ? "NumPy array (npy)" : "NumPy archive (npz)";

    /// <inheritdoc/>
    public override bool HasChecksum => zip is not null;

    /// <inheritdoc/>
    public override void Verify()
    {
        if (zip is null)
            throw Defect("the format carries no checksums.");
        if (zip.Members.FirstOrDefault(static m => !m.HasRightChecksum()) is { } damaged)
            throw Defect($"the checksum of '{damaged.Name}' is not that of its content: the file was damaged after it was written. "
                + "Download or copy it again.");
    }

    WeightsException Defect(string defect) => new(Path, defect);

    /// <summary>Adds an array.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="open">Its bytes, header first.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="unread">Receives its name where its items are of a type that is not read.</param>
    /// <param name="range">Reads a part of the bytes; null where they can only be read from the beginning.</param>
    void Take(string name, Func<Stream> open, long length, List<string> unread, Func<long, long, Stream>? range)
    {
        NpyHeader header;
        using (Stream stream = open())
            header = NpyHeader.Read(stream, defect => Defect($"array '{name}': {defect}"));
        if (NumpyEntries.DTypeOf(header.Type) is not { } dtype)
        {
            unread.Add($"{name} (type {header.Type.Code})");
            return;
        }
        long bytes = dtype.ByteLength(header.Shape);
        if (bytes < 0 || bytes != length - header.Length)
            throw Defect($"array '{name}' of shape [{string.Join(", ", header.Shape)}] and type {header.Type.Code} has "
                + $"{length - header.Length} bytes: the file is truncated or damaged.");
        Add(new StoredEntry(Path, name, NumpyEntries.View(dtype, header.Type, header.Shape, header.FortranOrder, (begin, count) =>
            range is not null ? range(header.Length + begin, count) : Skipped(open(), header.Length + begin))));
    }

    static Stream Skipped(Stream stream, long count)
    {
        ForwardSkip.Skip(stream, count);
        return stream;
    }
}
