namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Makes indices of tar archives of images. An archive within one (ImageNet has one a class) counts as a folder.</summary>
sealed class TarIndexer : TarArchiveIndexer<TarIndex>
{
    const string Archive = ".tar";

    const int Report = 1 << 22;

    /// <inheritdoc/>
    public override string Kind => "tar1";

    /// <inheritdoc/>
    public override TarIndex Make(FileWindow file, string name, Action<long> advance)
    {
        var index = new TarIndex([], new(StringComparer.Ordinal), default);
        var within = new TarFindings(0, "", 0, HasEnd: true, 0);
        long reported = 0;
        var outer = new TarScanner(file, name, 0, file.Length);
        while (outer.Next(out TarMember member))
        {
            if (!member.IsSparse && member.Length > 0 && !TarText.IsLitter(member.Name)
                && member.Name.EndsWith(Archive, StringComparison.OrdinalIgnoreCase))
            {
                string folder = member.Name[..^Archive.Length];
                var inner = new TarScanner(file, $"{name}: {member.Name}", member.Offset, member.Offset + member.Length);
                while (inner.Next(out TarMember image))
                {
                    Add(image with { Name = $"{folder}/{image.Name}" });
                    Advance(inner.Position);
                }
                within = within.And(TarFindings.Of(inner));
            }
            else
                Add(member);
            Advance(outer.Position);
        }
        advance(file.Length - reported);
        return index with { Findings = TarFindings.Of(outer).And(within) };

        void Add(TarMember member)
        {
            if (TarText.IsLitter(member.Name))
                return;
            if (FolderScan.IsImage(member.Name))
            {
                index.Images.Add(member);
                return;
            }
            string kind = Path.GetExtension(member.Name) is { Length: > 1 } extension ? extension : "without extension";
            index.Others[kind] = index.Others.GetValueOrDefault(kind) + 1;
        }

        void Advance(long position)
        {
            if (position - reported < Report)
                return;
            advance(position - reported);
            reported = position;
        }
    }

    /// <inheritdoc/>
    public override void Write(TarIndex index, IndexWriter to)
    {
        Write(index.Images, to);
        to.Number(index.Others.Count);
        foreach ((string kind, int count) in index.Others)
        {
            to.Text(kind);
            to.Number(count);
        }
        index.Findings.Write(to);
    }

    /// <inheritdoc/>
    public override TarIndex Read(IndexReader from, long length)
    {
        List<TarMember> images = ReadMembers(from, length);
        SortedDictionary<string, int> others = new(StringComparer.Ordinal);
        for (int left = from.Count(); left > 0; left--)
            others[from.Text()] = (int)from.Number(int.MaxValue);
        return new TarIndex(images, others, TarFindings.Read(from));
    }

    /// <summary>Writes files.</summary>
    internal static void Write(List<TarMember> members, IndexWriter to)
    {
        to.Number(members.Count);
        foreach (TarMember member in members)
        {
            to.Text(member.Name);
            to.Number(member.Offset);
            to.Number(member.Length);
            to.Number(member.IsSparse ? 1 : 0);
        }
    }

    /// <summary>Reads files of an archive of <paramref name="length"/> bytes.</summary>
    /// <exception cref="InvalidDataException">They are damaged.</exception>
    internal static List<TarMember> ReadMembers(IndexReader from, long length)
    {
        List<TarMember> members = [];
        for (int left = from.Count(); left > 0; left--)
        {
            string name = from.Text();
            long offset = from.Number(length);
            members.Add(new TarMember(name, offset, from.Number(length - offset), from.Number(1) == 1));
        }
        return members;
    }
}
