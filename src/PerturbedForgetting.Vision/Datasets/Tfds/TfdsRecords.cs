using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Records;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>Records of one file, some after the other.</summary>
/// <param name="File">Number of the file.</param>
/// <param name="From">Number of the first record.</param>
/// <param name="To">Number of the one behind the last.</param>
/// <param name="Count">Records that the file should have.</param>
readonly record struct ShardPiece(int File, int From, int To, int Count);

/// <summary>The records of a set: for each image where its record lies, where it lies in that, and its labels.</summary>
/// <param name="Ranges">The whole records.</param>
/// <param name="Numbers">The record's number in its file.</param>
/// <param name="Images">Place and length of the image within the record's data; a negative place where there is none.</param>
/// <param name="Names">Place and length of the name of the image's file; no bytes where there is none.</param>
/// <param name="Labels">The labels.</param>
/// <param name="LabelSets">All labels that are right, of sets that have several.</param>
sealed record TfdsRecords(FileRange[] Ranges, int[] Numbers, (int At, int Length)[] Images,
    (int At, int Length)[] Names, int[] Labels, int[][]? LabelSets)
{
    /// <summary>Takes the records that are wanted from the indices of their files.</summary>
    /// <exception cref="DatasetException">A file has another number of records than it should have, or a label is no class.</exception>
    public static TfdsRecords Take(ContainerFiles files, TfRecordIndex[] indices, List<ShardPiece> pieces, TfdsFeatures features,
        string dataset)
    {
        foreach (ShardPiece piece in pieces)
        {
            int found = indices[piece.File].Records.Length;
            if (found != piece.Count)
                throw new DatasetException(
                    $"{files.Paths[piece.File]} has {Quantity.Of(found, "record")}, and {TfdsInfo.InfoFile} beside it "
                    + $"tells of {piece.Count}; copy the set again from where it was prepared");
        }
        long count = pieces.Sum(static p => (long)(p.To - p.From));
        if (count > Array.MaxLength)
            throw new DatasetException($"{dataset}: {count} records are more than can be taken; name a part of the split",
                wrongOption: true);
        var records = new TfdsRecords(new FileRange[count], new int[count], new (int, int)[count],
            new (int, int)[count], new int[count], features.LabelSetKey is null ? null : new int[count][]);
        int at = 0;
        foreach (ShardPiece piece in pieces)
        {
            for (int number = piece.From; number < piece.To; number++)
                records.Set(at++, files, piece.File, indices[piece.File], number, features, dataset);
        }
        return records;
    }

    /// <summary>The name of an image's file; null where there is none.</summary>
    public string? Name(int index, ContainerFiles files)
    {
        (int at, int length) = Names[index];
        if (length == 0)
            return null;
        var name = new byte[length];
        FileRange range = Ranges[index];
        try
        {
            return files.Read(range.File, range.Offset + TfRecord.HeaderLength + at, name) == length ? Encoding.UTF8.GetString(name) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    void Set(int at, ContainerFiles files, int file, TfRecordIndex index, int number, TfdsFeatures features, string dataset)
    {
        TfRecordEntry entry = index.Records[number];
        Ranges[at] = new FileRange(file, entry.Offset, entry.Length + TfRecord.FrameLength);
        Numbers[at] = number;
        Images[at] = (entry.ImageAt, entry.ImageLength);
        Names[at] = (entry.NameAt, entry.NameLength);
        ReadOnlySpan<int> set = index.LabelSet(number);
        int worst = Worst(entry.Label, set, features);
        if (entry.ImageAt >= 0 && worst != 0)
        {
            // A record that was damaged may well have a wrong label: it is met where the image is read.
            if (IsSound(files, Ranges[at]))
                throw Wrong(files.Paths[file], number, worst, features, dataset);
            Images[at] = (-1, 0);
        }
        bool usable = Images[at].At >= 0;
        Labels[at] = !usable ? 0 : features.LabelKey is not null ? entry.Label : set.Length > 0 ? set[0] : 0;
        if (LabelSets is not null)
            LabelSets[at] = usable && set.Length > 0 ? set.ToArray() : [];
    }

    /// <summary>A label that is no class; 0 where all are.</summary>
    static int Worst(int label, ReadOnlySpan<int> set, TfdsFeatures features)
    {
        if (features.LabelKey is not null && (label < 0 || label >= features.ClassCount))
            return label;
        foreach (int other in set)
        {
            if (other < 0 || other >= features.ClassCount)
                return other;
        }
        return 0;
    }

    static DatasetException Wrong(string path, int number, int label, TfdsFeatures features, string dataset) => label switch
    {
        TfRecordEntry.Unlabelled => new DatasetException($"{path}, record {number}: the images of this split of {dataset} have no labels "
            + "(-1); `split` names another one", wrongOption: true),
        TfRecordEntry.NoLabel => new DatasetException($"{path}, record {number} has no label that a class can have in '"
            + $"{features.LabelKey ?? features.LabelSetKey}'; prepare the set again"),
        _ => new DatasetException(
        $"{path}, record {number} has label {label}, and there are {features.ClassCount} classes; prepare the set "
            + "again"),
    };

    static bool IsSound(ContainerFiles files, FileRange range)
    {
        var record = new byte[range.Length];
        try
        {
            return files.Read(range.File, range.Offset, record) == record.Length && TfRecord.IsSound(record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{files.Paths[range.File]} cannot be read: {e.Message}");
        }
    }
}
