using System.Buffers.Binary;
using System.Text;

namespace PerturbedForgetting.Tensors.Serialization.Zip;

/// <summary>
/// The members of a zip archive of weights, stored or deflated. Everything is checked against the file when it is opened: members may not
/// overlap each other or the directory, and each is where and what the directory says.
/// </summary>
sealed class ZipMembers
{
    const uint LocalMark = 0x04034B50;
    const int LocalLength = 30;

    readonly PositionalFile file;
    readonly Dictionary<string, ZipMember> byName = new(StringComparer.Ordinal);

    /// <exception cref="WeightsException">It is no zip archive, or a damaged one.</exception>
    public ZipMembers(PositionalFile file)
    {
        this.file = file;
        var directory = new ZipDirectory(file);
        List<(ZipMember Member, long Header)> members = [];
        foreach (ZipEntry entry in directory.Entries)
            members.Add((Member(entry, directory.Begin), entry.Header));
        CheckOverlaps(members, directory.Begin);
        foreach ((ZipMember member, _) in members)
            if (!byName.TryAdd(member.Name, member))
                throw Defect($"the archive has two members '{member.Name}'.");
        All = members.ConvertAll(static m => m.Member);
    }

    /// <summary>In the order of the directory.</summary>
    public IReadOnlyList<ZipMember> All { get; }

    /// <summary>The member of this name; null when there is none.</summary>
    public ZipMember? Find(string name) => byName.GetValueOrDefault(name);

    WeightsException Defect(string defect) => new(file.Path, defect);

    ZipMember Member(ZipEntry entry, long directory)
    {
        string name = Encoding.UTF8.GetString(entry.Name.Span);
        if (entry.IsEncrypted)
            throw Defect($"the archive's member '{name}' is encrypted.");
        if (entry.Method is not (ZipEntry.Stored or ZipEntry.Deflated))
            throw Defect($"the archive's member '{name}' is compressed by method {entry.Method}; stored and deflated ones are read.");
        long begin = DataOf(entry, name, directory);
        bool isDeflated = entry.Method == ZipEntry.Deflated;
        return entry.Packed <= directory - begin && (isDeflated || entry.Packed == entry.Length)
            ? new ZipMember(file, name, begin, entry.Packed, entry.Length, isDeflated, entry.Crc)
            : throw Defect($"the archive's member '{name}' claims {entry.Length} bytes at byte {begin}, which do not fit the file: it is "
                + "truncated or damaged.");
    }

    /// <summary>Where the data of a member begins, behind its own header.</summary>
    long DataOf(ZipEntry entry, string name, long directory)
    {
        byte[] local = new byte[LocalLength + entry.Name.Length];
        if (local.Length > directory - entry.Header)
            throw Defect($"the archive's member '{name}' begins at byte {entry.Header}, outside of the file: it is damaged.");
        file.Read(entry.Header, local);
        if (BinaryPrimitives.ReadUInt32LittleEndian(local) != LocalMark || !local.AsSpan(LocalLength).SequenceEqual(entry.Name.Span)
            || BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(26)) != entry.Name.Length)
            throw Defect($"the archive's member '{name}' is not where the directory says: it is damaged.");
        return entry.Header + local.Length + BinaryPrimitives.ReadUInt16LittleEndian(local.AsSpan(28));
    }

    /// <summary>Members that share bytes are how a small archive unpacks to a huge one.</summary>
    void CheckOverlaps(List<(ZipMember Member, long Header)> members, long directory)
    {
        long end = directory;
        foreach ((ZipMember member, long header) in members.OrderByDescending(static m => m.Header))
        {
            if (member.Begin + member.StoredLength > end)
                throw Defect($"the archive's member '{member.Name}' overlaps another: it was made to do harm, or is damaged.");
            end = header;
        }
    }
}
