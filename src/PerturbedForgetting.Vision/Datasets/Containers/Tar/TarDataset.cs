using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Images in tar archives, which are read where they are, without unpacking.</summary>
sealed class TarDataset : ContainerDataset
{
    readonly TarImage[] images;

    /// <summary>A set of images.</summary>
    /// <param name="name">What the set is called.</param>
    /// <param name="archives">The archives; closed with the set.</param>
    /// <param name="images">The images in their order, with their labels.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="notes">What a user should know.</param>
    public TarDataset(string name, ContainerFiles archives, IEnumerable<TarImage> images, ClassList classes, IEnumerable<string> notes)
        : this(name, archives, [.. images.Select(Judge)], classes, notes)
    {
    }

    TarDataset(string name, ContainerFiles archives, TarImage[] images, ClassList classes, IEnumerable<string> notes)
        : base(archives, Array.ConvertAll(images, RangeOf), Array.ConvertAll(images, static i => i.Label))
    {
        (Name, this.images, Classes) = (name, images, classes);
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <inheritdoc/>
    public override string Describe(int index) => $"{FileOf(index)}: {images[index].Member.Name}";

    /// <inheritdoc/>
    public override string ImageName(int index) => NameBelowClass(index, images[index].Name);

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte> Image(int index, ReadOnlyMemory<byte> bytes, string name) =>
        images[index].Problem is { } problem ? throw new ImageDecodeException(ImageProblem.Unsupported, problem, name) : bytes;

    static TarImage Judge(TarImage image) => image.Problem is not null ? image
        : image.Member.IsSparse ? image with { Problem = "the archive stores it as a sparse file; pack it again without --sparse" }
        : image.Member.Length > Array.MaxLength ? image with { Problem = "the file is larger than 2 GB" }
        : image;

    static FileRange RangeOf(TarImage image) =>
        new(image.Archive, image.Member.Offset, image.Problem is null ? (int)image.Member.Length : 0);
}
