using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Images in a column of Parquet files, as Hugging Face's library writes them. An image is had by reading and unpacking the page
/// that it is in.</summary>
sealed class ParquetDataset : Dataset
{
    /// <summary>As much as CIFAR takes, so that small sets are unpacked once.</summary>
    const long CachedBytes = 1 << 27;

    readonly ContainerFiles files;
    readonly ParquetIndex[] indices;
    readonly ParquetPageReader[] readers;
    readonly ParquetPageCache cache = new(CachedBytes);

    /// <summary>The first image of each file, and the number of all.</summary>
    readonly int[] firsts;
    readonly int[] labels;

    /// <param name="name">What the set is called.</param>
    /// <param name="files">The files.</param>
    /// <param name="indices">Their indices.</param>
    /// <param name="labels">The label of each image.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="notes">What is to be known.</param>
    public ParquetDataset(string name, ContainerFiles files, ParquetIndex[] indices, int[] labels, ClassList classes,
        IEnumerable<string> notes)
    {
        (Name, this.files, this.indices, this.labels, Classes) = (name, files, indices, labels, classes);
        readers = [.. indices.Select((index, file) =>
            new ParquetPageReader(index.Image, ParquetPageReader.Largest(files.Length(file))))];
        firsts = new int[indices.Length + 1];
        for (int i = 0; i < indices.Length; i++)
            firsts[i + 1] = firsts[i] + indices[i].Labels.Length;
        Note(notes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => labels.Length;

    /// <inheritdoc/>
    public override ClassList Classes { get; }

    /// <inheritdoc/>
    public override int Label(int index) => labels[index];

    /// <inheritdoc/>
    public override string Describe(int index)
    {
        (int file, int row) = Place(index);
        return FormattableString.Invariant($"{files.Paths[file]}, row {row}");
    }

    /// <inheritdoc/>
    public override (int Width, int Height) Open(int index, ImageDecoder decoder)
    {
        string name = Describe(index);
        return decoder.Open(Encoded(index, decoder, name), name);
    }

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => Encoded(index, decoder, Describe(index));

    /// <inheritdoc/>
    public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) => decoder.Decode(region, image);

    /// <inheritdoc/>
    public override void Dispose() => files.Dispose();

    ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder, string name)
    {
        (int file, int row) = Place(index);
        ParquetPagePlace[] pages = indices[file].Pages;
        int number = PageOf(pages, row);
        ParquetPage page = Page(file, number, decoder, name);
        int within = row - pages[number].FirstRow;
        if (page.Indices is { } places)
        {
            if (pages[number].Dictionary < 0 || within >= places.Length)
                throw Damaged(name, "its page has no dictionary, or fewer images than it should");
            within = places[within];
            page = within == ParquetPage.Absent ? page : Page(file, pages[number].Dictionary, decoder, name);
        }
        if (within == ParquetPage.Absent || (within < page.Lengths.Length && within >= 0 && page.Lengths[within] == ParquetPage.Absent))
            throw new ImageDecodeException(ImageProblem.Empty, "the row has no image: its bytes are null", name);
        return within >= 0 && within < page.Lengths.Length ? page.Value(within)!.Value
            : throw Damaged(name, "its page has fewer images than it should");
    }

    ParquetPage Page(int file, int number, ImageDecoder decoder, string name)
    {
        if (cache.Find(file, number) is { } kept)
            return kept;
        ParquetPagePlace place = indices[file].Pages[number];
        ReadOnlyMemory<byte> bytes = decoder.Read(files, new FileRange(file, place.Offset, place.Length), name);
        try
        {
            ParquetPage page = readers[file].Read(bytes.Span, place.Codec);
            cache.Keep(file, number, page);
            return page;
        }
        catch (InvalidDataException e)
        {
            throw Damaged(name, FormattableString.Invariant($"{e.Message} (the page at byte {place.Offset})"));
        }
    }

    (int File, int Row) Place(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
        int file = Array.BinarySearch(firsts, index);
        file = file < 0 ? ~file - 1 : file;
        // Files without rows begin where the next one does.
        while (firsts[file + 1] == index)
            file++;
        return (file, index - firsts[file]);
    }

    /// <summary>The last page of data that begins at a row or before it.</summary>
    static int PageOf(ParquetPagePlace[] pages, int row)
    {
        int low = 0, high = pages.Length;
        while (high - low > 1)
        {
            int middle = (low + high) / 2, data = middle;
            while (data < high && pages[data].FirstRow < 0)
                data++;
            if (data < high && pages[data].FirstRow <= row)
                low = data;
            else
                high = middle;
        }
        while (pages[low].FirstRow < 0)
            low++;
        return low;
    }

    static ImageDecodeException Damaged(string name, string reason) => new(ImageProblem.Corrupt, reason, name);
}
