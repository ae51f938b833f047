using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Data;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>Images of a data set, prepared as in evaluation and kept in memory, because a model sees them again and again.</summary>
sealed class ImageSample : ILossBatches, IDisposable
{
    readonly ImageFeed feed;
    readonly List<(HostBuffer Memory, int Count)> batches = [];

    ImageSample(ImageFeed feed) => this.feed = feed;

    /// <summary>Images of the sample.</summary>
    public int Count { get; private set; }

    long ILossBatches.Images => Count;

    /// <summary>The first images of a set's random order, which hangs on the seed and the size of the set alone.</summary>
    /// <param name="set">The data set.</param>
    /// <param name="seed">Of the order.</param>
    /// <returns>Indices of all images.</returns>
    public static int[] Order(Dataset set, int seed)
    {
        int[] order = [.. Enumerable.Range(0, set.Count)];
        var random = new RandomSequence((ulong)seed, Streams.Sample);
        for (int i = 0; i + 1 < order.Length; i++)
        {
            int j = i + random.NextInt(order.Length - i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>Reads images.</summary>
    /// <param name="set">The data set; it stays the caller's.</param>
    /// <param name="indices">Which images, in this order.</param>
    /// <param name="batchSize">Images of a batch.</param>
    /// <param name="options">How images are read, and what happens at bad ones.</param>
    /// <param name="model">What will see them.</param>
    /// <param name="observer">Hears of bad images.</param>
    /// <param name="token">Ends the reading.</param>
    /// <exception cref="OptionException">They do not fit into memory.</exception>
    /// <exception cref="Vision.Imaging.ImageDecodeException">An image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static ImageSample Read(Dataset set, int[] indices, int batchSize, ForgettingOptions options, LoadedModel model,
        ITrainingObserver observer, CancellationToken token)
    {
        RequireMemory(indices.Length, options, model.Images);
        using var part = new SubsetDataset(set, indices, set.Name, [], ownsWhole: false);
        using var loader = Data.Loader(part, model.Images.EvaluationTransform,
            LoaderOptions.Evaluation(Math.Min(batchSize, indices.Length), options.Workers), options, model.Device);
        var (mean, std) = (model.Images.Normalization.Mean, model.Images.Normalization.Std);
        var sample = new ImageSample(new ImageFeed(model.Device, loader.Layout, [.. mean], [.. std], model.Model.NumClasses));
        try
        {
            foreach (var batch in loader.Epoch(0, stop: token))
            {
                var memory = HostBuffer.Allocate(model.Device, loader.Layout.BytesOf(batch.Count));
                sample.batches.Add((memory, batch.Count));
                batch.Memory.Span<byte>(0, (int)memory.Bytes).CopyTo(memory.Span<byte>(0, (int)memory.Bytes));
                sample.Count += batch.Count;
            }
            token.ThrowIfCancellationRequested();
            foreach (var bad in loader.Skipped.Concat(loader.Filled).Concat(loader.Damaged))
                observer.Message(MessageLevel.Warning, $"{bad.Path}: {bad.Reason}");
            return sample;
        }
        catch
        {
            sample.Dispose();
            throw;
        }
    }

    /// <summary>The batches, each valid until the next is asked for.</summary>
    public IEnumerable<(Tensor Images, Tensor Labels)> Batches()
    {
        for (int i = 0; i < batches.Count; i++)
            yield return Batch(i);
    }

    IEnumerable<(Tensor Images, Tensor Labels)> ILossBatches.Read(CancellationToken stop) => Batches();

    /// <summary>One of the batches, valid until the next is asked for.</summary>
    public (Tensor Images, Tensor Labels) Batch(int number)
    {
        feed.Discard();
        feed.Send(batches[number].Memory, batches[number].Count);
        return feed.Take();
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        feed.Dispose();
        foreach (var (memory, _) in batches)
            memory.Dispose();
    }

    static void RequireMemory(int images, ForgettingOptions options, ImageSetup setup)
    {
        double bytes = 3.0 * images * setup.Size * setup.Size, most = HostMemory.Find().Bytes / 2.0;
        if (bytes > most)
        {
            throw new OptionException(new OptionProblem(ForgettingOptions.ImagesOption.Flag,
                FormattableString.Invariant($"{images} images of {setup.Size} pixels take {bytes / (1 << 30):0.0} GiB, and they are kept ")
                + FormattableString.Invariant($"in memory; take at most {(int)(most / 3 / setup.Size / setup.Size)}.")));
        }
    }
}
