using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Makes indices of container files, and keeps those that took long in a folder, from one run to the next. An index holds for a
/// file's path, length and time; one that is damaged, or cannot be read or kept, is made anew without a word.</summary>
/// <param name="folder">The folder; null where nothing is kept.</param>
/// <param name="leastTime">Indices are kept if those of a set take longer than this to make.</param>
sealed class IndexCache(string? folder, TimeSpan leastTime)
{
    const string Extension = ".index", Magic = "PerturbedForgetting index 1";

    /// <summary>As many files are read at a time at most: a disk is not the faster for more.</summary>
    const int MostAtATime = 8;

    /// <summary>The user's: in <see cref="EnvironmentVariables.Cache"/>, or where the platform keeps caches.</summary>
    public static IndexCache OfUser => new(FolderOfUser(), TimeSpan.FromMilliseconds(500));

    /// <summary>The indices of files, in their order.</summary>
    /// <exception cref="DatasetException">A file is missing or damaged.</exception>
    /// <exception cref="OperationCanceledException"><see cref="DatasetOptions.Stop"/> ended it.</exception>
    public T[] Get<T>(IContainerIndexer<T> indexer, ContainerFiles files, DatasetOptions options)
    {
        int count = files.Paths.Count;
        var indices = new T[count];
        var stamps = new Stamp[count];
        List<int> missing = [];
        for (int i = 0; i < count; i++)
        {
            options.Stop.ThrowIfCancellationRequested();
            stamps[i] = Stamp.Of(files, i);
            if (!TryRead(indexer, stamps[i], out indices[i]!))
                missing.Add(i);
        }
        if (missing.Count > 0)
            Make(indexer, files, missing, stamps, indices, options);
        return indices;
    }

    void Make<T>(IContainerIndexer<T> indexer, ContainerFiles files, List<int> missing, Stamp[] stamps, T[] indices, DatasetOptions options)
    {
        var meter = new ProgressMeter(options,
            missing.Count == 1 ? $"indexing {files.Paths[missing[0]]}" : $"indexing {Quantity.Of(missing.Count, "file")}",
            missing.Sum(i => stamps[i].Length));
        var failures = new Exception?[missing.Count];
        var waiting = new Queue<int>();
        long begun = Stopwatch.GetTimestamp();
        meter.Run(() => Parallel.For(0, missing.Count, new ParallelOptions { MaxDegreeOfParallelism = MostAtATime }, (number, loop) =>
        {
            int file = missing[number];
            try
            {
                indices[file] = indexer.Make(files, file, meter.Add);
            }
            catch (Exception e)
            {
                // Files before this one are still read: the first that is wrong is the one to report, however the threads ran.
                failures[number] = e;
                loop.Break();
                return;
            }
            lock (waiting)
            {
                waiting.Enqueue(file);
                while (Stopwatch.GetElapsedTime(begun) > leastTime && waiting.TryDequeue(out int made))
                    Keep(indexer, stamps[made], indices[made]);
            }
        }));
        int failed = Array.FindIndex(failures, f => f is not null);
        if (failed < 0)
            return;
        if (failures[failed] is IOException or UnauthorizedAccessException)
            throw Unreadable(files.Paths[missing[failed]], files.Retries.Describe(failures[failed]!));
        ExceptionDispatchInfo.Throw(failures[failed]!);
    }

    bool TryRead<T>(IContainerIndexer<T> indexer, Stamp stamp, out T? index)
    {
        index = default;
        if (folder is null || !stamp.IsPlain)
            return false;
        try
        {
            string path = PathOf(indexer.Kind, stamp);
            if (!File.Exists(path) || FileStatus.IsSpecial(path))
                return false;
            ReadOnlyMemory<byte> data = File.ReadAllBytes(path);
            const int sum = sizeof(ulong);
            if (data.Length < sum || !XxHash3.Hash(data.Span[..^sum]).AsSpan().SequenceEqual(data.Span[^sum..]))
                return false;
            var from = new IndexReader(data[..^sum]);
            if (from.Text() != Magic || from.Text() != indexer.Kind || from.Text() != stamp.Path || from.Number() != stamp.Length
                || from.Number() != stamp.Time)
                return false;
            index = indexer.Read(from, stamp.Length);
            return from.Remaining == 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    void Keep<T>(IContainerIndexer<T> indexer, Stamp stamp, T index)
    {
        if (folder is null || !stamp.IsPlain)
            return;
        var to = new IndexWriter();
        to.Text(Magic);
        to.Text(indexer.Kind);
        to.Text(stamp.Path);
        to.Number(stamp.Length);
        to.Number(stamp.Time);
        indexer.Write(index, to);
        try
        {
            AtomicFile.Write(PathOf(indexer.Kind, stamp), stream =>
            {
                stream.Write(to.Data);
                stream.Write(XxHash3.Hash(to.Data));
            });
        }
        // The set can be read all the same.
        catch (IOException)
        {
        }
    }

    string PathOf(string kind, Stamp stamp) => Path.Combine(folder!,
        $"{kind}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(stamp.Path)).AsSpan(0, 16))}{Extension}");

    static DatasetException Unreadable(string path, string why) => new($"{path} cannot be read: {why}");

    /// <summary>Where the indices of this user are kept; null where they are not.</summary>
    internal static string? FolderOfUser()
    {
        if (EnvironmentVariables.Cache.Value is { } chosen)
            return chosen.Length == 0 || chosen == EnvironmentVariables.None ? null : Path.GetFullPath(chosen);
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string caches = OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } xdg && Path.IsPathFullyQualified(xdg) ? xdg
            : home.Length == 0 ? ""
            : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches")
            : Path.Combine(home, ".cache");
        return caches.Length == 0 ? null : Path.Combine(caches, "perturbed-forgetting");
    }

    /// <summary>What a file is known by.</summary>
    /// <param name="Path">Its whole path; empty for one that is not known again, as it is unpacked or a part.</param>
    /// <param name="Length">Its length in bytes.</param>
    /// <param name="Time">When it was written to last.</param>
    readonly record struct Stamp(string Path, long Length, long Time)
    {
        public bool IsPlain => Path.Length > 0;

        public static Stamp Of(ContainerFiles files, int file)
        {
            string path = files.Paths[file];
            try
            {
                long length = files.Length(file);
                return files[file].IsPlain ? new(System.IO.Path.GetFullPath(path), length, File.GetLastWriteTimeUtc(path).Ticks)
                    : new("", length, 0);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, e.Message);
            }
        }
    }
}
