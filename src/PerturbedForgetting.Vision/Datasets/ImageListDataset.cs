using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Images named by their paths, in the order in which they are named, without labels: all are of class 0 of one class.</summary>
public sealed class ImageListDataset : Dataset
{
    readonly string[] paths;

    ImageListDataset(string[] paths, IEnumerable<string> notes)
    {
        this.paths = paths;
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name => paths.Length == 1 ? paths[0] : FormattableString.Invariant($"{paths.Length} images");

    /// <inheritdoc/>
    public override int Count => paths.Length;

    /// <inheritdoc/>
    public override ClassList Classes { get; } = new(["image"]);

    /// <summary>Finds the images: a path of a file stands for itself, that of a folder for the images in it and in its folders, by their
    /// names.</summary>
    /// <exception cref="DatasetException">There is nothing at a path, or no image in a folder.</exception>
    public static ImageListDataset Open(IEnumerable<string> inputs)
    {
        List<string> paths = [], notes = [];
        foreach (string input in inputs)
        {
            if (!Directory.Exists(input))
            {
                paths.Add(File.Exists(input) ? input
                    : throw new DatasetException($"there is no image or folder '{input}'", wrongOption: true));
                continue;
            }
            try
            {
                FolderScan scan = new();
                List<string> found = scan.Images(input, "");
                if (found.Count == 0)
                    throw new DatasetException($"{input} holds no image" + (scan.SkippedNote is { } why ? $" ({why})" : ""));
                paths.AddRange(found.Select(f => Path.Combine(input, f)));
                notes.AddRange(scan.Notes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new DatasetException($"{input} cannot be read: {e.Message}");
            }
        }
        return new([.. paths], notes);
    }

    /// <inheritdoc/>
    public override int Label(int index) => 0;

    /// <inheritdoc/>
    public override string Describe(int index) => paths[index];

    /// <inheritdoc/>
    public override string ImageName(int index) => Path.ChangeExtension(paths[index], null).Replace(Path.DirectorySeparatorChar, '/');

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder) => decoder.Open(paths[index]);

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) => decoder.Decode(region, image);

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => decoder.Read(paths[index]);
}
