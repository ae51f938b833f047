using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers.Records;

/// <summary>Writes a <c>tf.train.Example</c> of an image, its label and its name, with the features that TFDS gives its sets of images:
/// <c>file_name</c>, <c>image</c>, <c>label</c>. Equal images give equal bytes.</summary>
static class ImageExample
{
    /// <summary>Names of the features.</summary>
    public const string ImageKey = "image", LabelKey = "label", FileNameKey = "file_name";

    // Fields of the messages Example, Features, the entries of the map in it, Feature, BytesList and Int64List.
    const int ExampleFeatures = 1, FeaturesFeature = 1, EntryKey = 1, EntryValue = 2, FeatureBytes = 1, FeatureIntegers = 3, ListValue = 1;

    /// <summary>The bytes of the message.</summary>
    /// <param name="image">The image's file.</param>
    /// <param name="label">Its class.</param>
    /// <param name="fileName">What it is called.</param>
    public static byte[] Encode(ReadOnlySpan<byte> image, int label, string fileName)
    {
        byte[] name = Encoding.UTF8.GetBytes(fileName);
        int integers = ProtoSize.Varint((ulong)label);
        // Each size is that of the message within; a field adds its tag and length.
        int nameEntry = Entry(FileNameKey, ProtoSize.Field(ProtoSize.Field(name.Length)));
        int imageEntry = Entry(ImageKey, ProtoSize.Field(ProtoSize.Field(image.Length)));
        int labelEntry = Entry(LabelKey, ProtoSize.Field(ProtoSize.Field(integers)));
        int features = ProtoSize.Field(nameEntry) + ProtoSize.Field(imageEntry) + ProtoSize.Field(labelEntry);
        var to = new ProtoWriter(ProtoSize.Field(features));
        to.Message(ExampleFeatures, features);
        BeginEntry(to, FileNameKey, nameEntry, FeatureBytes, ProtoSize.Field(name.Length));
        to.Bytes(ListValue, name);
        BeginEntry(to, ImageKey, imageEntry, FeatureBytes, ProtoSize.Field(image.Length));
        to.Bytes(ListValue, image);
        BeginEntry(to, LabelKey, labelEntry, FeatureIntegers, ProtoSize.Field(integers));
        to.Message(ListValue, integers);
        to.Varint((ulong)label);
        return to.Data;
    }

    static int Entry(string key, int value) => ProtoSize.Field(key.Length) + ProtoSize.Field(value);

    /// <summary>Everything of an entry that comes before the values of its list.</summary>
    static void BeginEntry(ProtoWriter to, string key, int entry, int kind, int list)
    {
        to.Message(FeaturesFeature, entry);
        to.Bytes(EntryKey, Encoding.UTF8.GetBytes(key));
        to.Message(EntryValue, ProtoSize.Field(list));
        to.Message(kind, list);
    }
}
