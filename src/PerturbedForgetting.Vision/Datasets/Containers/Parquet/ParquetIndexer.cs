using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>Makes the index of a Parquet file: reads footer, headers of pages and labels, and no image.</summary>
/// <param name="imageColumn">The column of the images; null finds it.</param>
/// <param name="labelColumn">That of the labels.</param>
sealed class ParquetIndexer(string? imageColumn, string? labelColumn) : IContainerIndexer<ParquetIndex>
{
    /// <summary>A header has statistics, which may be the smallest and largest image.</summary>
    const int FirstHeaderBytes = 1 << 10, MostHeaderBytes = 1 << 26;

    public string Kind { get; } = "parquet1-" + Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{imageColumn?.Length}:{imageColumn}{labelColumn}")).AsSpan(0, 4));

    public ParquetIndex Make(ContainerFiles files, int file, Action<long> advance)
    {
        try
        {
            ParquetFooter footer = ParquetFooter.Read(files, file);
            ParquetChoice choice = ParquetChoice.Of(footer, imageColumn, labelColumn);
            long length = files.Length(file);
            List<ParquetPagePlace> pages = [];
            var labels = new LabelValues(choice.Label);
            var reader = new ParquetPageReader(choice.Label, ParquetPageReader.Largest(length));
            int firstRow = 0;
            foreach ((int rows, ParquetChunk[] chunks) in footer.RowGroups(choice.Image, choice.Label))
            {
                Pages(files, file, chunks[0], firstRow, rows, pages);
                List<ParquetPagePlace> ofLabels = [];
                Pages(files, file, chunks[1], firstRow, rows, ofLabels);
                ParquetPage? dictionary = null;
                foreach (ParquetPagePlace place in ofLabels)
                {
                    byte[] bytes = new byte[place.Length];
                    if (files.Read(file, place.Offset, bytes) < bytes.Length)
                        throw new InvalidDataException("it ends within a page");
                    ParquetPage page = reader.Read(bytes, place.Codec);
                    if (place.FirstRow < 0)
                        dictionary = page;
                    else
                        labels.Add(page, dictionary);
                }
                firstRow += rows;
                advance(chunks.Sum(c => c.Length));
            }
            return new ParquetIndex(choice.Image, [.. pages], labels.Values, choice.Label.IsWhole, labels.Labels, choice.ClassNames);
        }
        catch (InvalidDataException e)
        {
            throw new DatasetException($"{files.Paths[file]}: {e.Message}", wrongOption: e.Message.StartsWith('`'));
        }
    }

    public void Write(ParquetIndex index, IndexWriter to)
    {
        to.Text(index.Image.Name);
        to.Number((int)index.Image.Type);
        to.Number(index.Image.TypeLength);
        to.Number(index.Image.Definition);
        to.Number(index.Pages.Length);
        foreach (ParquetPagePlace page in index.Pages)
        {
            to.Number(page.Offset);
            to.Number(page.Length);
            to.Number(page.FirstRow + 1);
            to.Number(page.Dictionary + 1);
            to.Number((int)page.Codec);
        }
        to.Number(index.IsNumber ? 1 : 0);
        Texts(index.Values, to);
        to.Number(index.ClassNames is null ? 0 : 1);
        Texts(index.ClassNames ?? [], to);
        to.Number(index.Labels.Length);
        foreach (int label in index.Labels)
            to.Number(label + 1);
    }

    public ParquetIndex Read(IndexReader from, long length)
    {
        var image = new ParquetColumn([from.Text()], 0, (ParquetType)from.Number((int)ParquetType.FixedLengthByteArray),
            (int)from.Number(int.MaxValue), IsText: false, (int)from.Number(100), IsRepeated: false);
        var pages = new ParquetPagePlace[from.Count()];
        for (int i = 0, row = 0; i < pages.Length; i++)
        {
            long offset = from.Number(length);
            int bytes = (int)from.Number(Math.Min(length - offset, Array.MaxLength)), first = (int)from.Number(int.MaxValue) - 1;
            pages[i] = new(offset, bytes, first, (int)from.Number(i) - 1, (ParquetCodec)from.Number((int)ParquetCodec.Lz4Raw));
            bool isWrong = first >= 0 ? first < row : pages[i].Dictionary >= 0;
            if (isWrong || (pages[i].Dictionary >= 0 && pages[pages[i].Dictionary].FirstRow >= 0))
                throw new InvalidDataException("pages are out of order");
            row = Math.Max(row, first);
        }
        bool isNumber = from.Number(1) == 1;
        string[] values = Texts(from);
        bool hasNames = from.Number(1) == 1;
        string[] names = Texts(from);
        int[] labels = new int[from.Count()];
        for (int i = 0; i < labels.Length; i++)
            labels[i] = (int)from.Number(values.Length) - 1;
        if (labels.Length > 0 && !Array.Exists(pages, static p => p.FirstRow == 0))
            throw new InvalidDataException("rows are in no page");
        return new ParquetIndex(image, pages, values, isNumber, labels, hasNames ? names : null);
    }

    /// <summary>Finds the pages of a column in a row group by their headers.</summary>
    static void Pages(ContainerFiles files, int file, ParquetChunk chunk, int firstRow, int rows, List<ParquetPagePlace> into)
    {
        int row = firstRow, dictionary = -1;
        for (long offset = chunk.Offset, end = offset + chunk.Length; offset < end && row < firstRow + rows;)
        {
            ParquetPageHeader header = Header(files, file, offset, end, out int headerBytes);
            long length = headerBytes + (long)header.Packed;
            if (length > end - offset || length > Array.MaxLength)
                throw new InvalidDataException("a page is longer than its column");
            if (header.Kind == ParquetPageKind.Dictionary)
            {
                dictionary = into.Count;
                into.Add(new(offset, (int)length, -1, -1, chunk.Codec));
            }
            else if (header.Kind != ParquetPageKind.Index)
            {
                if (header.Values < 0 || header.Values > firstRow + rows - row)
                    throw new InvalidDataException($"a page has {header.Values} values, more than its row group has rows left");
                into.Add(new(offset, (int)length, row, dictionary, chunk.Codec));
                row += header.Values;
            }
            offset += length;
        }
        if (row != firstRow + rows)
            throw new InvalidDataException($"a row group has {rows} rows, and the pages of a column {row - firstRow}");
    }

    static ParquetPageHeader Header(ContainerFiles files, int file, long offset, long end, out int length)
    {
        byte[] bytes = [];
        try
        {
            for (int size = FirstHeaderBytes; ; size = (int)Math.Min(16L * size, MostHeaderBytes))
            {
                PooledBuffer.Ensure(ref bytes, (int)Math.Min(size, end - offset));
                int wanted = (int)Math.Min(size, end - offset), read = files.Read(file, offset, bytes.AsSpan(0, wanted));
                try
                {
                    return ParquetPageHeader.Read(bytes.AsSpan(0, read), out length);
                }
                catch (EndOfStreamException) when (read == size && size < MostHeaderBytes)
                {
                }
                catch (EndOfStreamException)
                {
                    throw new InvalidDataException("the header of a page is cut short");
                }
            }
        }
        finally
        {
            PooledBuffer.Release(ref bytes);
        }
    }

    static void Texts(IReadOnlyList<string> texts, IndexWriter to)
    {
        to.Number(texts.Count);
        foreach (string text in texts)
            to.Text(text);
    }

    static string[] Texts(IndexReader from)
    {
        string[] texts = new string[from.Count()];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = from.Text();
        return texts;
    }

    /// <summary>Collects labels, each different one once.</summary>
    sealed class LabelValues(ParquetColumn column)
    {
        readonly Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        readonly List<string> values = [];
        readonly List<int> labels = [];
        ParquetPage? known;
        int[] numbersOfKnown = [];

        public string[] Values => [.. values];

        public int[] Labels => [.. labels];

        public void Add(ParquetPage page, ParquetPage? dictionary)
        {
            if (page.Indices is null)
            {
                for (int row = 0, rows = Count(page); row < rows; row++)
                    labels.Add(Number(page, row));
                return;
            }
            if (dictionary is null)
                throw new InvalidDataException("a page needs a dictionary, and its column has none");
            if (dictionary != known)
            {
                known = dictionary;
                numbersOfKnown = new int[Count(dictionary)];
                for (int place = 0; place < numbersOfKnown.Length; place++)
                    numbersOfKnown[place] = Number(dictionary, place);
            }
            foreach (int place in page.Indices)
            {
                if (place >= numbersOfKnown.Length || place < ParquetPage.Absent)
                    throw new InvalidDataException($"a label is number {place} of a dictionary of {numbersOfKnown.Length}");
                labels.Add(place < 0 ? -1 : numbersOfKnown[place]);
            }
        }

        int Count(ParquetPage page) => column.IsBytes ? page.Lengths.Length : page.Numbers.Length;

        int Number(ParquetPage page, int place)
        {
            string text;
            if (!column.IsBytes)
            {
                if (page.AbsentNumbers?[place] == true)
                    return -1;
                text = page.Numbers[place].ToString(CultureInfo.InvariantCulture);
            }
            else if (page.Value(place) is { } bytes)
                text = Encoding.UTF8.GetString(bytes.Span);
            else
                return -1;
            if (!numbers.TryGetValue(text, out int number))
            {
                numbers.Add(text, number = values.Count);
                values.Add(text);
            }
            return number;
        }
    }
}
