using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>Folders: SPLIT/CLASS/NAME.jpg, with a list of the classes beside them.</summary>
sealed class FolderTarget(string folder) : ConversionTarget(folder)
{
    const string ClassesFile = "classes.txt", TemporaryPrefix = ".pf-";

    bool needsClasses;

    /// <inheritdoc/>
    public override bool KeepsOrder => false;

    /// <inheritdoc/>
    public override bool NamesByClass => true;

    /// <inheritdoc/>
    public override bool HasShards => false;

    /// <inheritdoc/>
    public override string Dataset => "";

    /// <inheritdoc/>
    public override string? ClassMapFile => needsClasses ? Path.Combine(Folder, ClassesFile) : null;

    /// <inheritdoc/>
    public override string Where(string split, int number) => Path.Combine(Folder, split);

    /// <inheritdoc/>
    public override void Check(ClassList classes)
    {
        foreach (string name in classes.Names)
        {
            if (name.Length == 0 || name != name.Trim() || name.EndsWith('.') || FolderScan.IsLitter(name)
                || name.AsSpan().IndexOfAny("/\\<>:\"|?*\uFFFD") >= 0 || name.Any(char.IsControl))
            {
                throw new DatasetException($"class '{name}' cannot be the name of a folder on every system; convert to webdataset or "
                    + "tfrecord, which keep it");
            }
        }
        if (classes.Names.GroupBy(static n => n, StringComparer.OrdinalIgnoreCase).FirstOrDefault(static g => g.Count() > 1) is { } same)
            throw new DatasetException($"classes {string.Join(", ", same.Select(static n => $"'{n}'"))} would be one folder on some "
                + "systems; convert to webdataset or tfrecord, which keep them apart");
        needsClasses = !classes.Names.SequenceEqual(classes.Names.Order(StringComparer.Ordinal));
    }

    /// <inheritdoc/>
    public override void WriteShard(string split, int number, ClassList classes, IEnumerable<ConvertedImage> images)
    {
        foreach (ConvertedImage image in images)
        {
            string path = Path.Combine(Folder, split, classes.Names[image.Label], $"{image.Name}.{image.Extension}");
            // A file has its name only when it is whole, and what is in it is read back at the end.
            if (File.Exists(path) && new FileInfo(path).Length == image.Bytes.Length)
                continue;
            string parent = Path.GetDirectoryName(path)!, temporary = Path.Combine(parent, TemporaryPrefix + "convert.tmp");
            Directory.CreateDirectory(parent);
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
                file.Write(image.Bytes.Span);
            AtomicFile.Rename(temporary, path);
        }
    }

    /// <inheritdoc/>
    public override void Finish(IReadOnlyList<ConvertedSplit> splits, ClassList classes)
    {
        AtomicFile.WriteText(Path.Combine(Folder, ClassesFile), string.Concat(classes.Names.Select((n, i) =>
            FormattableString.Invariant($"{n}\t{i}\n"))));
        foreach (ConvertedSplit split in splits)
        {
            string root = Path.Combine(Folder, split.Name);
            if (!Directory.Exists(root))
                continue;
            foreach (string left in Directory.EnumerateFiles(root, TemporaryPrefix + "convert.tmp", SearchOption.AllDirectories))
                File.Delete(left);
            // Of classes without images there are no folders.
            needsClasses |= classes.Names.Any(n => !Directory.Exists(Path.Combine(root, n)));
        }
    }

    /// <inheritdoc/>
    public override Dataset Open(ConvertedSplit split, DatasetOptions options) => ImageFolderDataset.Open(Path.Combine(Folder, split.Name),
        options with { ClassMapFile = Path.Combine(Folder, ClassesFile) });
}
