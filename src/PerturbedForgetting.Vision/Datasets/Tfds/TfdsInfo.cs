using System.Text.Json;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>What <c>dataset_info.json</c> tells of a prepared set.</summary>
/// <param name="Name">Name of the set, which its files begin with.</param>
/// <param name="Splits">Its splits.</param>
/// <param name="InputKey">The feature that is the input of supervised learning, if that is told.</param>
/// <param name="TargetKey">The feature that is the target.</param>
sealed record TfdsInfo(string Name, IReadOnlyList<TfdsSplit> Splits, string? InputKey, string? TargetKey)
{
    /// <summary>The format of the records.</summary>
    public const string FileFormat = "tfrecord";

    /// <summary>Files beside the records.</summary>
    public const string InfoFile = "dataset_info.json", FeaturesFile = "features.json";

    /// <summary>The file with the class names of a feature.</summary>
    public static string LabelsFile(string feature) => $"{feature.Replace('/', '-')}.labels.txt";

    /// <summary>Reads the file.</summary>
    /// <exception cref="DatasetException">It cannot be used; the message names it.</exception>
    public static TfdsInfo Read(string path) => TfdsJson.Read(path, root => Read(path, root));

    static TfdsInfo Read(string path, JsonElement root)
    {
        // Sets that were prepared before there was a choice do not tell their format.
        if (root.Text("fileFormat") is { } format && format is not (FileFormat or ""))
            throw new DatasetException($"{path}: the records are stored as {format}, and only {FileFormat} is read; prepare the set again "
                + $"with --file_format={FileFormat}");
        string name = root.Text("name") is { Length: > 0 } told && IsPlain(told) ? told : throw TfdsJson.Damaged(path, "it has no 'name'");
        List<TfdsSplit> splits = [];
        if (root.Member("splits") is { ValueKind: JsonValueKind.Array } list)
        {
            foreach (JsonElement split in list.EnumerateArray())
                splits.Add(ReadSplit(path, split, splits));
        }
        if (splits.Count == 0)
            throw TfdsJson.Damaged(path, "it has no 'splits'; the set was not prepared to the end");
        (string? input, string? target) = SupervisedKeys(root);
        return new TfdsInfo(name, splits, input, target);
    }

    static TfdsSplit ReadSplit(string path, JsonElement split, List<TfdsSplit> before)
    {
        string name = split.Text("name") is { Length: > 0 } told && IsPlain(told)
            ? told
            : throw TfdsJson.Damaged(path, "a split has no 'name'");
        if (before.Exists(s => s.Name == name))
            throw TfdsJson.Damaged(path, $"it has two splits '{name}'");
        if (split.Member("shardLengths") is not { ValueKind: JsonValueKind.Array } lengths)
            throw TfdsJson.Damaged(path, $"split '{name}' has no 'shardLengths'; the set was not prepared to the end, or by a TFDS before "
                + "3.0");
        int[] numbers = [.. lengths.EnumerateArray().Select(l => l.Number()
            ?? throw TfdsJson.Damaged(path, $"'shardLengths' of split '{name}' holds {l.GetRawText()}"))];
        string template = split.Text("filepathTemplate") is { Length: > 0 } given ? given : TfdsSplit.UsualTemplate;
        if (Path.IsPathRooted(template) || template.Split('/', '\\').Contains("..") || template.Contains('\0'))
            throw TfdsJson.Damaged(path, $"'filepathTemplate' of split '{name}' leads out of the folder: '{template}'");
        return new TfdsSplit(name, numbers, Template: template);
    }

    /// <summary>The keys of input and target, in both ways to write them.</summary>
    static (string? Input, string? Target) SupervisedKeys(JsonElement root)
    {
        if (root.Member("supervisedKeys") is not { } keys)
            return (null, null);
        if (keys.Member("tuple")?.Member("items") is { ValueKind: JsonValueKind.Array } items && items.GetArrayLength() >= 2)
            return (items[0].Text("featureKey"), items[1].Text("featureKey"));
        return (keys.Text("input"), keys.Text("output"));
    }

    /// <summary>Whether a name can be part of a file's name.</summary>
    static bool IsPlain(string name) =>
        name.All(static c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.') && name.Any(char.IsLetterOrDigit);
}
