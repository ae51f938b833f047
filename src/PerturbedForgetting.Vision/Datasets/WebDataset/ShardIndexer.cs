using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Makes indices of WebDataset shards: reads the headers, and the labels that lie beside the images.</summary>
sealed class ShardIndexer : TarArchiveIndexer<ShardIndex>
{
    const int Report = 1 << 22;

    /// <inheritdoc/>
    public override string Kind => "wds1";

    /// <inheritdoc/>
    public override ShardIndex Make(FileWindow file, string name, Action<long> advance)
    {
        var scanner = new TarScanner(file, name, 0, file.Length);
        var samples = new SampleCollector(name);
        long reported = 0;
        while (scanner.Next(out TarMember member))
        {
            if (TarText.IsLitter(member.Name) || !SampleFile.TryParse(member, out SampleFile found))
                continue;
            bool isLabel = SampleLabel.Rank(found.Kind) >= 0;
            samples.Add(found, !isLabel ? null
                : member.IsSparse || member.Length > SampleLabel.LongestFile ? SampleLabel.Bad($"its label has {member.Length} bytes")
                : SampleLabel.Read(found.Kind, file.Copy(member.Offset, (int)member.Length)));
            if (scanner.Position - reported >= Report)
            {
                advance(scanner.Position - reported);
                reported = scanner.Position;
            }
        }
        advance(file.Length - reported);
        return samples.Finish(TarFindings.Of(scanner));
    }

    /// <inheritdoc/>
    public override void Write(ShardIndex index, IndexWriter to)
    {
        to.Number(index.Labels.Count);
        foreach (SampleLabel label in index.Labels)
        {
            to.Text(label.Text);
            to.Text(label.Name);
            to.Text(label.Problem);
        }
        TarIndexer.Write(index.Samples.ConvertAll(static s => s.Image), to);
        foreach (ShardSample sample in index.Samples)
            to.Number(sample.Label);
        to.Number(index.WithoutImage);
        index.Findings.Write(to);
    }

    /// <inheritdoc/>
    public override ShardIndex Read(IndexReader from, long length)
    {
        List<SampleLabel> labels = [];
        for (int left = from.Count(); left > 0; left--)
            labels.Add(new SampleLabel(from.Text(), from.Text(), from.Text()));
        List<TarMember> images = TarIndexer.ReadMembers(from, length);
        List<ShardSample> samples = images.ConvertAll(i => new ShardSample(i, (int)from.Number(labels.Count - 1)));
        return new ShardIndex(samples, labels, (int)from.Number(int.MaxValue), TarFindings.Read(from));
    }
}
