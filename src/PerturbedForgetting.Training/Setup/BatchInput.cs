using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Data;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Setup;

/// <summary>Brings the batches of a loader to the device. Where copies run beside the computation, the next batch is on its way, if the
/// loader has it, before the one at hand is given out.</summary>
/// <param name="device">Where the batches go.</param>
/// <param name="normalization">Mean and standard deviation.</param>
/// <param name="classes">Labels lie in [0, classes).</param>
sealed class BatchInput(Device device, Normalization normalization, int classes) : IDisposable
{
    ImageFeed? feed;

    /// <summary>Batches on their way to the device, beside the one that was given out.</summary>
    public int Waiting => feed?.Waiting ?? 0;

    /// <summary>The batches of an epoch, from one on.</summary>
    /// <param name="loader">The same in every call.</param>
    /// <param name="epoch">Number of the epoch.</param>
    /// <param name="firstBatch">The first batch that is wanted.</param>
    /// <param name="stop">Ends the epoch early, also while the loader is waited for.</param>
    /// <returns>Batches, each valid until the next is asked for. Their tensors are the same memory each time.</returns>
    public IEnumerable<InputBatch> Epoch(ImageLoader loader, int epoch, int firstBatch = 0, CancellationToken stop = default)
    {
        feed ??= new ImageFeed(device, loader.Layout, [.. normalization.Mean], [.. normalization.Std], classes);
        var waiting = new Queue<InputBatch>(feed.Depth);
        using var batches = loader.Epoch(epoch, firstBatch, stop).GetEnumerator();
        try
        {
            while (waiting.Count > 0 || batches.MoveNext())
            {
                if (waiting.Count == 0)
                    Send();
                if (feed.Waiting < feed.Depth && loader.IsNextReady && batches.MoveNext())
                    Send();
                var batch = waiting.Dequeue();
                (batch.Images, batch.Labels) = feed.Take();
                yield return batch;
            }
        }
        finally
        {
            feed.Discard();
        }

        void Send()
        {
            feed.Send(batches.Current.Memory, batches.Current.Count);
            waiting.Enqueue(new InputBatch(batches.Current));
        }
    }

    /// <summary>Frees the buffers, also while a copy is in flight.</summary>
    public void Dispose() => feed?.Dispose();
}

/// <summary>A batch on the device.</summary>
/// <param name="batch">Where it comes from; its labels and indices are copied.</param>
sealed class InputBatch(ImageBatch batch)
{
    /// <summary>The batch's number within its epoch, from 0.</summary>
    public int Number { get; } = batch.Number;

    /// <summary>Number of images.</summary>
    public int Count => Indices.Length;

    /// <summary>The labels, on the host.</summary>
    public int[] HostLabels { get; } = batch.Labels.ToArray();

    /// <summary>The images' indices in the data set.</summary>
    public int[] Indices { get; } = batch.Indices.ToArray();

    /// <summary>Normalised images [count, height, width, 3].</summary>
    public Tensor Images { get; internal set; } = null!;

    /// <summary>Int32 [count], known to be classes.</summary>
    public Tensor Labels { get; internal set; } = null!;
}
