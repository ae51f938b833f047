namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>A page in a file.</summary>
/// <param name="Offset">Where its header begins.</param>
/// <param name="Length">Bytes of header and page.</param>
/// <param name="FirstRow">The first row that it has; of a dictionary, -1.</param>
/// <param name="Dictionary">Number of the page that is its dictionary; -1 where it has none.</param>
/// <param name="Codec">How it is packed.</param>
readonly record struct ParquetPagePlace(long Offset, int Length, int FirstRow, int Dictionary, ParquetCodec Codec);

/// <summary>Where the images of a file are, and what their labels are.</summary>
/// <param name="Image">The column of the images.</param>
/// <param name="Pages">Its pages, in the order of the file.</param>
/// <param name="Values">What stands in the column of labels, each once.</param>
/// <param name="IsNumber">Whether these are numbers.</param>
/// <param name="Labels">For each row the place in <paramref name="Values"/>; -1 where it has no label.</param>
/// <param name="ClassNames">Names of the classes whose numbers are the labels; null where the file does not tell.</param>
sealed record ParquetIndex(ParquetColumn Image, ParquetPagePlace[] Pages, string[] Values, bool IsNumber, int[] Labels,
    IReadOnlyList<string>? ClassNames);
