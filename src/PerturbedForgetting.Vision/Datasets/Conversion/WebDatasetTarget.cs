using System.Globalization;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Datasets.WebDataset;

namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>WebDataset: tar files SPLIT-000000.tar of pairs NAME.cls, NAME.jpg, and a list of the classes beside them.</summary>
sealed class WebDatasetTarget(string folder) : ConversionTarget(folder)
{
    const int Buffer = 1 << 20;

    /// <inheritdoc/>
    public override string Dataset => "webdataset";

    /// <inheritdoc/>
    public override string Where(string split, int number) => Path.Combine(Folder, ShardWriter.NameOf(split, number));

    /// <inheritdoc/>
    public override void WriteShard(string split, int number, ClassList classes, IEnumerable<ConvertedImage> images) =>
        AtomicFile.Write(Where(split, number), file =>
        {
            var stream = new BufferedStream(file, Buffer);
            using (var shard = new ShardWriter(stream))
            {
                foreach (ConvertedImage image in images)
                    shard.Add(image.Name, image.Extension, image.Bytes, image.Label);
            }
            stream.Flush();
        });

    /// <inheritdoc/>
    public override void Finish(IReadOnlyList<ConvertedSplit> splits, ClassList classes) =>
        AtomicFile.WriteText(Path.Combine(Folder, WebDatasetSet.ClassesFile), ShardWriter.ClassLines(classes));

    /// <inheritdoc/>
    public override Dataset Open(ConvertedSplit split, DatasetOptions options) => WebDatasetSet.Open(Folder,
        string.Create(CultureInfo.InvariantCulture, $"{split.Name}-{{000000..{split.Shards.Count - 1:D6}}}.tar"), options);
}
