using Microsoft.Win32.SafeHandles;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Makes indices of tar archives, packed ones too.</summary>
/// <typeparam name="T">The index.</typeparam>
abstract class TarArchiveIndexer<T> : IContainerIndexer<T>
{
    /// <inheritdoc/>
    public abstract string Kind { get; }

    /// <inheritdoc/>
    public T Make(string path, Action<long> advance)
    {
        using SafeFileHandle handle = File.OpenHandle(path);
        return Make(new FileWindow(handle), path, advance);
    }

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

    /// <summary>Opens archives with their indices. Those that are packed by gzip are unpacked, and indexed each time.</summary>
    /// <param name="paths">The archives.</param>
    /// <param name="options">Progress and stop.</param>
    /// <param name="notes">Is told which were packed.</param>
    /// <exception cref="DatasetException">An archive cannot be used.</exception>
    public (ContainerFiles Files, T[] Indices) Open(IReadOnlyList<string> paths, DatasetOptions options, List<string> notes)
    {
        List<string> plain = [.. paths.Where(static p => !UnpackedFile.IsPacked(p))];
        var found = new Queue<T>(IndexCache.OfUser.Get(this, plain, options));
        var indices = new T[paths.Count];
        Dictionary<int, UnpackedFile> unpacked = [];
        try
        {
            var isPlain = plain.ToHashSet(StringComparer.Ordinal);
            for (int i = 0; i < paths.Count; i++)
            {
                if (isPlain.Contains(paths[i]))
                    indices[i] = found.Dequeue();
                else
                    indices[i] = MakeUnpacked(paths[i], unpacked[i] = UnpackedFile.Open(paths[i], options), options);
            }
        }
        catch
        {
            foreach (UnpackedFile file in unpacked.Values)
                file.Dispose();
            throw;
        }
        if (unpacked.Count > 0)
            notes.Add($"{paths[unpacked.Keys.Min()]}{(unpacked.Count > 1 ? ", …," : "")} had to be unpacked into a temporary file; to save "
                + "that each time, unpack it once (gunzip)");
        return (new ContainerFiles(paths, unpacked: unpacked), indices);
    }

    T MakeUnpacked(string path, UnpackedFile file, DatasetOptions options)
    {
        var window = new FileWindow(file.Handle);
        var meter = new ProgressMeter(options, $"indexing {path}", window.Length);
        T? index = default;
        try
        {
            meter.Run(() => index = Make(window, path, meter.Add));
            return index!;
        }
        catch (IOException e)
        {
            throw new DatasetException($"{path} cannot be read: {e.Message}");
        }
    }
}
