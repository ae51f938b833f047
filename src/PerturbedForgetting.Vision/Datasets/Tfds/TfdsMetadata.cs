using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Datasets.Containers.Records;

namespace PerturbedForgetting.Vision.Datasets.Tfds;

/// <summary>Writes what TFDS keeps beside the records of a set of <see cref="ImageExample"/>: <c>dataset_info.json</c>,
/// <c>features.json</c>, <c>label.labels.txt</c>. <c>tfds.builder_from_directory</c> reads such a folder.</summary>
static class TfdsMetadata
{
    const string Features = "tensorflow_datasets.core.features.";

    /// <summary>Writes the files into the folder that holds the records.</summary>
    /// <param name="folder">The folder: by TFDS's custom NAME/VERSION.</param>
    /// <param name="name">Name of the set, which its files begin with.</param>
    /// <param name="version">Its version: "1.0.0".</param>
    /// <param name="splits">Its splits.</param>
    /// <param name="classes">Its classes.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(string folder, string name, string version, IReadOnlyList<TfdsSplit> splits, ClassList classes)
    {
        AtomicFile.WriteText(Path.Combine(folder, TfdsInfo.LabelsFile(ImageExample.LabelKey)),
            string.Concat(classes.Names.Select(static n => n + '\n')));
        Write(folder, TfdsInfo.FeaturesFile, json => WriteFeatures(json, classes.Count));
        // The last: a folder without it is no set yet.
        Write(folder, TfdsInfo.InfoFile, json => WriteInfo(json, name, version, splits));
    }

    static void Write(string folder, string file, Action<Utf8JsonWriter> write) => AtomicFile.Write(Path.Combine(folder, file), stream =>
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
    });

    static void WriteInfo(Utf8JsonWriter json, string name, string version, IReadOnlyList<TfdsSplit> splits)
    {
        json.WriteString("fileFormat", TfdsInfo.FileFormat);
        json.WriteString("name", name);
        json.WriteStartArray("splits");
        foreach (TfdsSplit split in splits)
        {
            json.WriteStartObject();
            json.WriteString("filepathTemplate", split.Template);
            json.WriteString("name", split.Name);
            // Protocol buffers write 64-bit numbers as text.
            json.WriteString("numBytes", split.Bytes.ToString(CultureInfo.InvariantCulture));
            json.WriteStartArray("shardLengths");
            foreach (int length in split.ShardLengths)
                json.WriteStringValue(length.ToString(CultureInfo.InvariantCulture));
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("supervisedKeys");
        json.WriteStartObject("tuple");
        json.WriteStartArray("items");
        foreach (string key in (string[])[ImageExample.ImageKey, ImageExample.LabelKey])
        {
            json.WriteStartObject();
            json.WriteString("featureKey", key);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteString("version", version);
    }

    static void WriteFeatures(Utf8JsonWriter json, int classes)
    {
        json.WriteString("pythonClassName", Features + "features_dict.FeaturesDict");
        json.WriteStartObject("featuresDict");
        json.WriteStartObject("features");
        WriteFeature(ImageExample.FileNameKey, "text_feature.Text", "text", static () => { });
        WriteFeature(ImageExample.ImageKey, "image_feature.Image", "image", () =>
        {
            json.WriteString("dtype", "uint8");
            json.WriteStartObject("shape");
            json.WriteStartArray("dimensions");
            foreach (string dimension in (string[])["-1", "-1", "3"])
                json.WriteStringValue(dimension);
            json.WriteEndArray();
            json.WriteEndObject();
        });
        WriteFeature(ImageExample.LabelKey, "class_label_feature.ClassLabel", "classLabel",
            () => json.WriteString("numClasses", classes.ToString(CultureInfo.InvariantCulture)));
        json.WriteEndObject();
        json.WriteEndObject();

        void WriteFeature(string key, string kind, string member, Action content)
        {
            json.WriteStartObject(key);
            json.WriteString("pythonClassName", Features + kind);
            json.WriteStartObject(member);
            content();
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }
}
