namespace PerturbedForgetting.Vision.Datasets.Containers.Parquet;

/// <summary>The values of a page, unpacked.</summary>
sealed class ParquetPage
{
    /// <summary>Length of a value that is absent.</summary>
    public const int Absent = -1;

    /// <summary>Bytes of all values; empty where they are numbers or in the dictionary.</summary>
    public byte[] Data { get; init; } = [];

    /// <summary>Where the bytes of each row begin.</summary>
    public int[] Starts { get; init; } = [];

    /// <summary>How many bytes each row has, or <see cref="Absent"/>.</summary>
    public int[] Lengths { get; init; } = [];

    /// <summary>The number of each row; 0 where it is absent.</summary>
    public long[] Numbers { get; init; } = [];

    /// <summary>The place of each row in the dictionary, or <see cref="Absent"/>; null where values are here.</summary>
    public int[]? Indices { get; init; }

    /// <summary>Rows whose number is absent; null where none is.</summary>
    public bool[]? AbsentNumbers { get; init; }

    /// <summary>Memory that it takes.</summary>
    public long Bytes => Data.Length + 4L * (Starts.Length + Lengths.Length + (Indices?.Length ?? 0)) + 8L * Numbers.Length;

    /// <summary>The bytes of a row; null where it has none.</summary>
    public ReadOnlyMemory<byte>? Value(int row) =>
        Lengths[row] == Absent ? null : Data.AsMemory(Starts[row], Lengths[row]);
}
