namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Makes the index of a file of one kind, writes it and reads it again.</summary>
/// <typeparam name="T">The index: where the records are, and what is told with them.</typeparam>
interface IContainerIndexer<T>
{
    /// <summary>Name of the kind and number of its way to write, for a file's name: "tar1".</summary>
    string Kind { get; }

    /// <summary>Reads a file and makes its index. Several threads may do so for several files.</summary>
    /// <param name="files">The file is one of these.</param>
    /// <param name="file">Its number.</param>
    /// <param name="advance">Is told how many bytes of the file were passed; if it throws, the index is given up.</param>
    /// <exception cref="DatasetException">The file is damaged; the message names it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    T Make(ContainerFiles files, int file, Action<long> advance);

    /// <summary>Writes an index.</summary>
    void Write(T index, IndexWriter to);

    /// <summary>Reads an index of a file of <paramref name="length"/> bytes. Every number is checked: it may have been changed.</summary>
    /// <exception cref="InvalidDataException">It is no index of such a file.</exception>
    T Read(IndexReader from, long length);
}
