namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Makes indices of tar archives, packed ones too.</summary>
/// <typeparam name="T">The index.</typeparam>
abstract class TarArchiveIndexer<T> : IContainerIndexer<T>
{
    /// <inheritdoc/>
    public abstract string Kind { get; }

    /// <inheritdoc/>
    public T Make(ContainerFiles files, int file, Action<long> advance) =>
        Make(new FileWindow(files, file), files.Paths[file], advance);

    /// <summary>Makes the index of what is open.</summary>
    /// <param name="file">The archive, unpacked.</param>
    /// <param name="name">What it is called in errors.</param>
    /// <param name="advance">Is told how many bytes were passed.</param>
    /// <exception cref="DatasetException">The archive is damaged; the message names it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public abstract T Make(FileWindow file, string name, Action<long> advance);

    /// <inheritdoc/>
    public abstract void Write(T index, IndexWriter to);

    /// <inheritdoc/>
    public abstract T Read(IndexReader from, long length);

    /// <summary>Opens archives with their indices. Those that are packed by gzip are
    /// unpacked, and indexed each time.</summary>
    /// <param name="paths">The archives.</param>
    /// <param name="options">Progress and stop.</param>
    /// <param name="notes">Is told which were packed.</param>
    /// <exception cref="DatasetException">An archive cannot be used.</exception>
    public (ContainerFiles Files, T[] Indices) Open(IReadOnlyList<string> paths, DatasetOptions options, List<string> notes)
    {
        ContainerFiles files = ContainerFiles.Open(paths, options, notes);
        try
        {
            return (files, IndexCache.OfUser.Get(this, files, options));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }
}
