using System.Text;
using PerturbedForgetting.Vision.Serialization;

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
    public static ReadOnlyMemory<byte> Encode(ReadOnlyMemory<byte> image, int label, string fileName)
    {
        ProtoMessage features = new ProtoMessage()
            .Add(FeaturesFeature, Entry(FileNameKey, FeatureBytes, new ProtoMessage().Add(ListValue, Encoding.UTF8.GetBytes(fileName))))
            .Add(FeaturesFeature, Entry(ImageKey, FeatureBytes, new ProtoMessage().Add(ListValue, image)))
            .Add(FeaturesFeature, Entry(LabelKey, FeatureIntegers, new ProtoMessage().AddPacked(ListValue, label)));
        return new ProtoMessage().Add(ExampleFeatures, features).Bytes;
    }

    static ProtoMessage Entry(string key, int kind, ProtoMessage list) =>
        new ProtoMessage().Add(EntryKey, key).Add(EntryValue, new ProtoMessage().Add(kind, list));
}
