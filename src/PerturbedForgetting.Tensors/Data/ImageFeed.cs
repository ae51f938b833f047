using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Data;

/// <summary>
/// Brings batches of images from host memory to a device as a network wants them. On a GPU two batches are in work: while one is
/// computed on, the bytes of the next are copied on a stream of their own; events order the two, and the host never waits. Bytes are
/// mirrored and normalised on the device, into one buffer that every batch reuses, as do the labels: a recorded step finds them
/// where they were.
/// </summary>
/// <example><code>
/// feed.Send(memory, count);
/// var (images, labels) = feed.Take();
/// </code></example>
public sealed class ImageFeed : IDisposable
{
    readonly ImageBatchLayout layout;
    readonly int classes;
    readonly Tensor offset, divisor, images, labels;
    readonly StagingBuffer[] staging;
    readonly int[] counts;
    long sent, taken;

    /// <summary>Allocates everything; the caller disposes it.</summary>
    /// <param name="device">Where the batches go.</param>
    /// <param name="layout">Of their bytes in host memory.</param>
    /// <param name="mean">Of each channel, in units of full brightness.</param>
    /// <param name="std">Of each channel, not 0.</param>
    /// <param name="classes">Labels lie in [0, classes).</param>
    /// <exception cref="ArgumentException">Mean and deviation do not have a number a channel.</exception>
    public ImageFeed(Device device, ImageBatchLayout layout, ReadOnlySpan<double> mean, ReadOnlySpan<double> std, int classes)
    {
        (this.layout, this.classes) = (layout, classes);
        Shape shape = [layout.Capacity, layout.Height, layout.Width, layout.Channels];
        var (offsets, divisors) = Ops.Normalization(shape, mean, std);
        offset = Tensor.Persistent([layout.Channels], device: device).CopyFrom<float>(offsets);
        divisor = Tensor.Persistent([layout.Channels], device: device).CopyFrom<float>(divisors);
        images = Tensor.Persistent(shape, device: device);
        labels = Tensor.Persistent([layout.Capacity], DType.Int32, device);
        var first = device.Backend.CreateStaging(device, layout.Bytes);
        staging = first.IsBesideComputation ? [first, device.Backend.CreateStaging(device, layout.Bytes)] : [first];
        counts = new int[staging.Length];
    }

    /// <summary>Batches that may be sent before one must be taken: 2 where copies run beside the computation, else 1.</summary>
    public int Depth => staging.Length;

    /// <summary>Batches that were sent and not taken.</summary>
    public int Waiting => (int)(sent - taken);

    /// <summary>Begins to copy a batch; the host memory may be filled anew after <see cref="HostBuffer.WaitUntilRead"/>.</summary>
    /// <param name="memory">Labels, flags and pixels in this feed's layout.</param>
    /// <param name="count">Number of images.</param>
    /// <exception cref="ArgumentException">A label is no class; the message names it.</exception>
    /// <exception cref="InvalidOperationException">As many batches wait as there may.</exception>
    public void Send(HostBuffer memory, int count)
    {
        if (Waiting == Depth)
            throw new InvalidOperationException($"{Depth} batches were sent; take one before the next.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, layout.Capacity);
        var given = memory.Span<int>(layout.LabelOffset, count);
        for (int i = 0; i < count; i++)
            if ((uint)given[i] >= (uint)classes)
                throw new ArgumentException(Ops.DescribeLabel(given[i], i, classes));
        int slot = (int)(sent++ % Depth);
        counts[slot] = count;
        staging[slot].Begin(memory, layout.BytesOf(count));
    }

    /// <summary>The batch that was sent first of those that wait. The tensors are valid until the next is taken.</summary>
    /// <returns>Float32 images [count, height, width, channels], and their labels [count].</returns>
    /// <exception cref="InvalidOperationException">None was sent.</exception>
    public (Tensor Images, Tensor Labels) Take()
    {
        if (Waiting == 0)
            throw new InvalidOperationException("No batch was sent.");
        using var range = Ranges.Push(RangeKind.Pass, "input");
        using var operation = Ranges.Operation(nameof(Ops.NormalizeImages));
        int slot = (int)(taken++ % Depth), count = counts[slot];
        var (source, bytes) = (staging[slot], staging[slot].Content);
        var (y, numbers) = (images.Rows(0, count), labels.Rows(0, count));
        source.Await();
        images.Backend.NormalizeImages(
            bytes.View(y.Shape, layout.PixelOffset), bytes.View(numbers.Shape, layout.FlipOffset), offset, divisor, y);
        numbers.CopyFrom(bytes.Reinterpret(numbers.Shape, DType.Int32, layout.LabelOffset));
        numbers.KnownBelow = classes;
        source.Release();
        return (y, numbers);
    }

    /// <summary>Forgets the batches that were sent and not taken.</summary>
    public void Discard() => taken = sent;

    /// <summary>Frees the device memory, also while copies are in flight.</summary>
    public void Dispose()
    {
        foreach (var buffer in staging)
            buffer.Dispose();
        foreach (var tensor in (ReadOnlySpan<Tensor>)[offset, divisor, images, labels])
            tensor.Dispose();
    }
}
