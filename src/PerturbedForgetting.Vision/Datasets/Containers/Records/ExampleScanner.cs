using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>Names of the features of a <c>tf.train.Example</c> that are wanted.</summary>
/// <param name="Image">The one with the image's file.</param>
/// <param name="Label">The one with the label.</param>
/// <param name="LabelSet">The one with all labels that are right.</param>
/// <param name="Name">The one with the name of the image's file.</param>
readonly record struct ExampleKeys(string Image, string? Label, string? LabelSet, string? Name);

/// <summary>Finds image and labels in messages of <c>tf.train.Example</c> in a file, without reading the images.</summary>
sealed class ExampleScanner(FileWindow window, ExampleKeys keys)
{
    // Fields of the messages Example, Features, the entries of the map in it, Feature, BytesList and Int64List.
    const int ExampleFeatures = 1, FeaturesFeature = 1, EntryKey = 1, EntryValue = 2, FeatureBytes = 1, FeatureIntegers = 3, ListValue = 1;

    /// <summary>More labels than this for one image are no labels.</summary>
    const int MostLabels = 1000;

    /// <summary>Messages whose features are noted.</summary>
    const int MostNoted = 8;

    readonly ProtoReader reader = new(window);
    readonly byte[] imageKey = Encoding.UTF8.GetBytes(keys.Image);
    readonly byte[]? labelKey = Encoded(keys.Label), labelSetKey = Encoded(keys.LabelSet), nameKey = Encoded(keys.Name);
    readonly List<long> label = [];
    bool tooMany;
    int scanned;

    /// <summary>Where the image's file is.</summary>
    public (long At, int Length)? Image { get; private set; }

    /// <summary>Where its name is.</summary>
    public (long At, int Length)? Name { get; private set; }

    /// <summary>The label, where there is exactly one.</summary>
    public long? Label => label is [var only] ? only : null;

    /// <summary>The labels that are right.</summary>
    public List<long> LabelSet { get; } = [];

    /// <summary>Features of messages that were looked at, for the message that none is the one.</summary>
    public SortedSet<string> Names { get; } = new(StringComparer.Ordinal);

    /// <summary>Looks at the message in a part of the file.</summary>
    /// <returns>Whether it is one.</returns>
    public bool Scan(long at, long length)
    {
        (Image, Name, tooMany) = (null, null, false);
        scanned++;
        label.Clear();
        LabelSet.Clear();
        reader.Begin(at, length);
        while (reader.Next(out int field, out int type))
        {
            if (field == ExampleFeatures && type == ProtoReader.LengthDelimited)
            {
                long outer = reader.Enter();
                ScanFeatures();
                reader.Leave(outer);
            }
            else
                reader.Skip(type);
        }
        return !reader.IsDamaged && !tooMany;
    }

    void ScanFeatures()
    {
        while (reader.Next(out int field, out int type))
        {
            if (field == FeaturesFeature && type == ProtoReader.LengthDelimited)
            {
                long outer = reader.Enter();
                ScanEntry();
                reader.Leave(outer);
            }
            else
                reader.Skip(type);
        }
    }

    /// <summary>Looks at a key with its value, in whatever order they come.</summary>
    void ScanEntry()
    {
        byte[]? key = null;
        (long At, long Length) value = (0, 0);
        while (reader.Next(out int field, out int type))
        {
            if (type != ProtoReader.LengthDelimited || field is not (EntryKey or EntryValue))
            {
                reader.Skip(type);
                continue;
            }
            long outer = reader.Enter();
            if (field == EntryKey)
                key = Known();
            else
                value = (reader.Position, reader.Left);
            reader.Leave(outer);
        }
        if (reader.IsDamaged || key is null)
            return;
        long behind = reader.Position;
        reader.Begin(value.At, value.Length);
        ScanFeature(key);
        if (!reader.IsDamaged)
            reader.Begin(behind, 0);
    }

    static byte[]? Encoded(string? key) => key is null ? null : Encoding.UTF8.GetBytes(key);

    byte[]? Known()
    {
        if (scanned <= MostNoted && Names.Count < MostNoted)
            Names.Add(Encoding.UTF8.GetString(reader.Rest));
        return reader.Is(imageKey) ? imageKey
            : labelKey is not null && reader.Is(labelKey) ? labelKey
            : labelSetKey is not null && reader.Is(labelSetKey) ? labelSetKey
            : nameKey is not null && reader.Is(nameKey) ? nameKey
            : null;
    }

    void ScanFeature(byte[] key)
    {
        bool isImage = key == imageKey, isName = key == nameKey;
        int wanted = isImage || isName ? FeatureBytes : FeatureIntegers;
        while (reader.Next(out int field, out int type))
        {
            if (field != wanted || type != ProtoReader.LengthDelimited)
            {
                reader.Skip(type);
                continue;
            }
            long outer = reader.Enter();
            if (isImage)
                Image = ScanBytes() ?? Image;
            else if (isName)
                Name = ScanBytes() ?? Name;
            else
                ScanLabels(key == labelKey ? label : LabelSet);
            reader.Leave(outer);
        }
    }

    (long At, int Length)? ScanBytes()
    {
        (long, int)? found = null;
        while (reader.Next(out int field, out int type))
        {
            if (field == ListValue && type == ProtoReader.LengthDelimited)
            {
                long outer = reader.Enter();
                if (!reader.IsDamaged)
                    found = (reader.Position, (int)reader.Left);
                reader.Leave(outer);
            }
            else
                reader.Skip(type);
        }
        return found;
    }

    /// <summary>Reads integers, packed ones and those that have a field each.</summary>
    void ScanLabels(List<long> to)
    {
        while (reader.Next(out int field, out int type))
        {
            if (field == ListValue && type == ProtoReader.LengthDelimited)
            {
                long outer = reader.Enter();
                while (!reader.AtEnd)
                    Add((long)reader.Varint());
                reader.Leave(outer);
            }
            else if (field == ListValue && type == ProtoReader.VarintType)
                Add((long)reader.Varint());
            else
                reader.Skip(type);
        }

        void Add(long value)
        {
            if (to.Count < MostLabels)
                to.Add(value);
            else
                tooMany = true;
        }
    }
}
