using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>Choices of <see cref="DatasetCheck"/>.</summary>
public sealed record DatasetCheckOptions
{
    /// <summary>Threads that decode; 0 for one a core.</summary>
    public int Threads { get; init; }

    /// <summary>Outputs of the model to be trained, against which labels are checked.</summary>
    public int? NumClasses { get; init; }

    /// <summary>The classes of the training set, when a validation set is checked.</summary>
    public ClassList? TrainingClasses { get; init; }

    /// <summary>Number of this process among those that share the check, from 0.</summary>
    public int Rank { get; init; }

    /// <summary>Processes that share it: each reads the images whose numbers leave its rank when divided by theirs.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>With several: gives each what all have found, by rank.</summary>
    public Func<byte[], IReadOnlyList<byte[]>>? Exchange { get; init; }

    /// <summary>Choices in decoding.</summary>
    public ImageDecoderOptions Decoder { get; init; } = ImageDecoderOptions.Default;
}

/// <summary>Reads a whole data set once and reports what is wrong with it, by kind of problem.</summary>
public static class DatasetCheck
{
    /// <summary>Runs the check. <paramref name="progress"/> is told the number of images read, about every
    /// hundred, on any of the threads; if it throws, the check ends.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> ended it, also in the middle of an image.</exception>
    public static DatasetReport Run(
        Dataset dataset, DatasetCheckOptions? options = null, Action<int>? progress = null, CancellationToken stop = default)
    {
        options ??= new DatasetCheckOptions();
        var total = new DatasetTally();
        int next = 0, mine = (dataset.Count - options.Rank + options.Ranks - 1) / options.Ranks;
        object gate = new();
        int threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = stop };
        Parallel.For(0, Math.Min(threads, Math.Max(1, mine)), parallel, _ =>
        {
            var tally = new DatasetTally();
            using var decoder = new ImageDecoder(options.Decoder) { Stop = stop };
            using var image = new RgbImage();
            for (int i = Interlocked.Increment(ref next) - 1; i < mine; i = Interlocked.Increment(ref next) - 1)
            {
                stop.ThrowIfCancellationRequested();
                Read(dataset, (i * options.Ranks) + options.Rank, image, decoder, tally);
                if (i % 100 == 99)
                    progress?.Invoke(Math.Min((i + 1) * options.Ranks, dataset.Count));
            }
            lock (gate)
                total.Add(tally);
        });
        if (options.Exchange is { } exchange)
            total = DatasetTally.Sum(exchange(total.ToBytes()));
        CheckClasses(dataset, options, total);
        return total.Report(dataset);
    }

    static void Read(Dataset dataset, int index, RgbImage image, ImageDecoder decoder, DatasetTally tally)
    {
        try
        {
            ImageInfo decoded = dataset.Read(index, image, decoder);
            tally.Count(decoded);
            if (decoded.Filled)
                tally.Find("filled", isError: false, $"{dataset.Describe(index)}: the rest was filled with grey");
            else if (decoded.Warnings != ImageWarnings.None)
                tally.Find(decoded.Warnings.AreDamage() ? "damaged" : "irregular", isError: false,
                    $"{dataset.Describe(index)}: decoded in spite of {decoded.Warnings.Describe()}");
        }
        catch (ImageDecodeException e)
        {
            tally.Find(Kind(e.Problem), isError: true, $"{dataset.Describe(index)}: {e.Reason}");
        }
    }

    static void CheckClasses(Dataset dataset, DatasetCheckOptions options, DatasetTally tally)
    {
        ClassList classes = dataset.Classes;
        var counts = new int[classes.Count];
        int lowest = int.MaxValue, highest = -1;
        for (int i = 0; i < dataset.Count; i++)
        {
            int label = dataset.Label(i);
            (lowest, highest) = (Math.Min(lowest, label), Math.Max(highest, label));
            if (label < counts.Length)
                counts[label]++;
            if (label >= (options.NumClasses ?? int.MaxValue))
                tally.Find("label-out-of-range", isError: true,
                    $"{dataset.Describe(i)}: label {label} is not in 0..{options.NumClasses - 1}");
        }
        if (lowest == 1 && highest == options.NumClasses)
            tally.Find("labels-from-one", isError: true, $"labels run from 1 to {highest} and seem to count from 1; subtract 1 from each");
        tally.ImagesPerClass = counts;
        for (int c = 0; c < counts.Length; c++)
        {
            if (counts[c] == 0)
                tally.Find("empty-class", isError: false, $"'{classes.Names[c]}' has no images");
        }
        if (counts.Count(n => n > 0) == 1)
            tally.Find("one-class", isError: true,
                $"all images are of class '{classes.Names[Array.FindIndex(counts, n => n > 0)]}'; there is nothing to learn");
        foreach (IGrouping<string, string> group in classes.Names.GroupBy(n => n.Trim().ToLowerInvariant()).Where(g => g.Count() > 1))
            tally.Find("duplicate-class", isError: false,
                $"names that differ only in case or spaces: {string.Join(", ", group.Select(n => $"'{n}'"))}");
        if (options.TrainingClasses is { } training)
            CompareClasses(dataset, counts, training, tally);
    }

    static void CompareClasses(Dataset dataset, int[] counts, ClassList training, DatasetTally tally)
    {
        var present = new HashSet<int>();
        for (int c = 0; c < counts.Length; c++)
        {
            int index = training.IndexOf(dataset.Classes.Names[c]);
            if (index < 0)
                tally.Find("unknown-class", isError: true, $"'{dataset.Classes.Names[c]}' is no class of the training set");
            else if (counts[c] > 0)
                present.Add(index);
        }
        for (int c = 0; c < training.Count; c++)
        {
            if (!present.Contains(c))
                tally.Find("missing-class", isError: false, $"'{training.Names[c]}' of the training set has no images in {dataset.Name}");
        }
    }

    static string Kind(ImageProblem problem) => problem switch
    {
        ImageProblem.Unreadable => "unreadable",
        ImageProblem.Empty => "zero-byte",
        ImageProblem.UnknownFormat => "unknown-format",
        ImageProblem.Truncated => "truncated",
        ImageProblem.Unsupported => "unsupported",
        ImageProblem.TooLarge => "too-large",
        ImageProblem.TooSlow => "too-slow",
        _ => "corrupt",
    };
}
