using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Vision.Datasets.Containers.Records;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>The features that a classification needs of a prepared set, from its <c>features.json</c>.</summary>
/// <param name="ImageKey">The feature with the image's file.</param>
/// <param name="LabelKey">The one with the label, if there is one.</param>
/// <param name="LabelSetKey">The one with all labels that are right for an image, where these are what the set is about.</param>
/// <param name="ClassCount">How many classes there are.</param>
/// <param name="NameKey">The feature with the name of the image's file, if there is one.</param>
sealed record TfdsFeatures(string ImageKey, string? LabelKey, string? LabelSetKey, int ClassCount, string? NameKey)
{
    const string Image = "Image", ClassLabel = "ClassLabel", Sequence = "Sequence", FeaturesDict = "FeaturesDict";
    const int MostClasses = 1_000_000;

    /// <summary>What sets call the name of an image's file.</summary>
    static readonly string[] NameKeys = ["file_name", "filename", "image/filename", "image_id", "id"];

    /// <summary>The features that are read.</summary>
    public ExampleKeys Keys => new(ImageKey, LabelKey, LabelSetKey, NameKey);

    /// <summary>The feature that names the classes.</summary>
    public string NamesKey => LabelSetKey ?? LabelKey!;

    /// <summary>Reads the features of the set in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="info">Which features are input and target.</param>
    /// <exception cref="DatasetException">They cannot be used, or the set has no images with labels.</exception>
    public static TfdsFeatures Read(string folder, TfdsInfo info)
    {
        string path = Path.Combine(folder, TfdsInfo.FeaturesFile), labels = Path.Combine(folder, TfdsInfo.LabelsFile("label"));
        // TFDS before 4.0 wrote no such file.
        if (!File.Exists(path) && File.Exists(labels))
            return new TfdsFeatures("image", "label", null, TfdsDataset.ReadNames(labels).Length, "file_name");
        List<Feature> features = TfdsJson.Read(path, static root =>
        {
            List<Feature> all = [];
            Collect(root, "", all);
            return all;
        });
        if (features.Count == 0)
            throw TfdsJson.Damaged(path, "it holds no feature");
        Feature image = Choose(features, Image, [info.InputKey, "image"])
            ?? throw new DatasetException($"{path}: the set has no image, or several of which none is called 'image'; it has "
                + List(features));
        Feature? target = Choose(features, Sequence, [info.TargetKey]), label = Choose(features, ClassLabel,
            target is null ? ["label", info.TargetKey] : ["label", "original_label"]);
        int classes = (target ?? label)?.Classes ?? 0;
        if (classes == 0)
            throw new DatasetException($"{path}: the set has no label of a class, or several of which none is called 'label'; it has "
                + List(features));
        string? name = NameKeys.FirstOrDefault(k => features.Exists(f => f.Key == k));
        return new TfdsFeatures(image.Key, label is null || label.Classes != classes ? null : label.Key, target?.Key, classes, name);
    }

    /// <summary>The feature of a kind that has one of the keys, the best first, or is the only one of the kind.</summary>
    static Feature? Choose(List<Feature> features, string kind, string?[] keys)
    {
        List<Feature> all = features.FindAll(f => f.Kind == kind && (kind == Image || f.Classes > 0));
        return keys.Select(k => all.Find(f => f.Key == k)).FirstOrDefault(f => f is not null)
            ?? (kind != Sequence && all.Count == 1 ? all[0] : null);
    }

    /// <summary>Collects features from what three generations of TFDS wrote: type and content, the content of the second being text, and
    /// the message of protocol buffers.</summary>
    static void Collect(JsonElement element, string key, List<Feature> to)
    {
        string kind = KindOf(element);
        JsonElement? content = Content(element, kind);
        if (kind == FeaturesDict && (content?.Member("features") ?? content) is { ValueKind: JsonValueKind.Object } inner)
        {
            foreach (JsonProperty feature in inner.EnumerateObject())
                Collect(feature.Value, key.Length == 0 ? feature.Name : $"{key}/{feature.Name}", to);
            return;
        }
        int classes = 0;
        if (kind == ClassLabel)
            classes = Classes(content);
        else if (kind == Sequence && content?.Member("feature") is { } repeated && KindOf(repeated) == ClassLabel)
            classes = Classes(Content(repeated, ClassLabel));
        to.Add(new Feature(key, kind, classes));
    }

    static string KindOf(JsonElement element)
    {
        string name = element.Text("pythonClassName") ?? element.Text("type") ?? "";
        return name[(name.LastIndexOf('.') + 1)..];
    }

    static JsonElement? Content(JsonElement element, string kind)
    {
        if (element.Member("content") is not { } content)
            return kind.Length == 0 ? null : element.Member(char.ToLower(kind[0], CultureInfo.InvariantCulture) + kind[1..]);
        if (content.ValueKind != JsonValueKind.String)
            return content;
        using var document = JsonDocument.Parse(content.GetString()!);
        TfdsJson.RequireTexts(document.RootElement);
        return document.RootElement.Clone();
    }

    static int Classes(JsonElement? label) =>
        (label?.Member("numClasses") ?? label?.Member("num_classes"))?.Number() is { } count && count <= MostClasses ? count : 0;

    static string List(List<Feature> features) =>
        string.Join(", ", features.Take(12).Select(f => $"{f.Key} ({(f.Kind.Length == 0 ? "unknown" : f.Kind)})"))
            + (features.Count > 12 ? ", …" : "");

    sealed record Feature(string Key, string Kind, int Classes);
}
