using System.Diagnostics;
using System.Runtime.ExceptionServices;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Data;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>Delivers a data set in batches, decoded and transformed by background threads a few batches ahead. Batches
/// depend on seed and epoch only, never on the number of threads, and come in order.</summary>
/// <remarks>One epoch at a time, from one thread.</remarks>
public sealed class ImageLoader : IDisposable
{
    readonly Dataset dataset;
    readonly ImageTransform transform;
    readonly LoaderOptions options;
    readonly BadImages bad = new();
    readonly object gate = new();
    readonly Slot[] slots;
    readonly int[] order;
    readonly int allImages;
    readonly List<Thread> threads = [];
    ImageReader? inline;

    // The state below is guarded by the gate. Items are images in the epoch's order; they are claimed one after the other.
    int epoch;
    CancellationToken stop;
    int nextItem;
    int endItem;
    int batchInUse;
    int nextBatch;
    int active;
    bool disposed;

    /// <summary>Creates a loader. Threads start with the first epoch.</summary>
    /// <exception cref="DatasetException">Not one batch can be made.</exception>
    public ImageLoader(Dataset dataset, ImageTransform transform, LoaderOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.BatchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Workers);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Prefetch);
        if (dataset.Count == 0)
            throw new DatasetException($"{dataset.Name} holds no image");
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Rank, options.Ranks);
        if (options.DropLast && dataset.Count / options.Ranks < options.BatchSize)
        {
            string batch = options.Ranks == 1 ? $"{options.BatchSize}" : $"{options.BatchSize} x {options.Ranks} processes";
            throw new DatasetException(
                $"{dataset.Name}: {Quantity.Of(dataset.Count, "image")} < batch {batch}: an epoch would have no batch; "
                + $"use `{nameof(options.BatchSize)}` {dataset.Count / options.Ranks} or less");
        }
        // A batch of more images than there are would only take memory.
        options = options with { BatchSize = Math.Min(options.BatchSize, (dataset.Count + options.Ranks - 1) / options.Ranks) };
        allImages = options.BatchSize * options.Ranks;
        (this.dataset, this.transform, this.options) = (dataset, transform, options);
        order = new int[dataset.Count];
        Layout = new ImageBatchLayout(options.BatchSize, transform.Height, transform.Width);
        // Without workers a second one, so that the device may still copy from the first.
        slots = new Slot[options.Workers == 0 ? 2 : options.Prefetch + 1];
        for (int i = 0; i < slots.Length; i++)
            slots[i] = new Slot(new ImageBatch(Layout, options.Device));
    }

    /// <summary>The data set.</summary>
    public Dataset Dataset => dataset;

    /// <summary>Where labels, flags and pixels of the batches lie in their memory.</summary>
    public ImageBatchLayout Layout { get; }

    /// <summary>Whether the next batch of the running epoch can be had without waiting.</summary>
    public bool IsNextReady
    {
        get
        {
            lock (gate)
                return slots[nextBatch % slots.Length] is { IsDone: true, Error: null } slot && slot.Batch.Number == nextBatch;
        }
    }

    /// <summary>Batches in a whole epoch, the same in all processes that share it; the last may have no image for some of them, who then
    /// do not see it.</summary>
    public int BatchesPerEpoch => options.DropLast
        ? dataset.Count / allImages
        : (int)(((long)dataset.Count + allImages - 1) / allImages);

    /// <summary>Images that this process gets in a whole epoch.</summary>
    public int ImagesPerEpoch => options.DropLast
        ? BatchesPerEpoch * options.BatchSize
        : (dataset.Count / allImages * options.BatchSize)
            + Math.Clamp((dataset.Count % allImages) - (options.Rank * options.BatchSize), 0, options.BatchSize);

    /// <summary>Images that a whole epoch has in all processes.</summary>
    public int ImagesOfAll => options.DropLast ? BatchesPerEpoch * allImages : dataset.Count;

    /// <summary>How long the caller has waited for batches since the loader was made: if it is much, data are the limit.</summary>
    public TimeSpan WaitTime { get; private set; }

    /// <summary>Images that were replaced because they could not be decoded, by index.</summary>
    public IReadOnlyList<BadImage> Skipped => bad.Skipped;

    /// <summary>Truncated images that were filled up, by index.</summary>
    public IReadOnlyList<BadImage> Filled => bad.Filled;

    /// <summary>Damaged images that were taken all the same, by index.</summary>
    public IReadOnlyList<BadImage> Damaged => bad.Damaged;

    /// <summary>How often such images were met since the last call; between two epochs, in the one before.</summary>
    public BadImageCounts TakeBadImageCounts() => bad.TakeCounts();

    /// <summary>The batches of an epoch, from <paramref name="startBatch"/> on; nothing before it is read. Stopping the
    /// enumeration stops the workers.</summary>
    /// <param name="epoch">Number of the epoch.</param>
    /// <param name="startBatch">The first batch.</param>
    /// <param name="stop">Ends the enumeration, also while it waits for a batch.</param>
    /// <exception cref="Imaging.ImageDecodeException">While enumerating: an image of this batch cannot be decoded.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch, int startBatch = 0, CancellationToken stop = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(startBatch);
        ObjectDisposedException.ThrowIf(disposed, this);
        return Enumerate(epoch, startBatch, stop);
    }

    /// <summary>Stops the threads, at the latest when each has finished its image, and frees the batches.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            Monitor.PulseAll(gate);
        }
        foreach (Thread thread in threads)
            thread.Join();
        inline?.Dispose();
        foreach (Slot slot in slots)
            slot.Batch.Memory.Dispose();
    }

    IEnumerable<ImageBatch> Enumerate(int epoch, int startBatch, CancellationToken stop)
    {
        Begin(epoch, startBatch, stop);
        using CancellationTokenRegistration waking = stop.Register(Wake);
        try
        {
            for (int number = startBatch; number * (long)options.BatchSize < ImagesPerEpoch; number++)
            {
                long started = Stopwatch.GetTimestamp();
                Slot? slot = options.Workers == 0 ? LoadHere(number) : WaitFor(number);
                WaitTime += Stopwatch.GetElapsedTime(started);
                if (slot is null || stop.IsCancellationRequested)
                    yield break;
                lock (gate)
                    nextBatch = number + 1;
                slot.Error?.Throw();
                yield return slot.Batch;
                lock (gate)
                {
                    batchInUse = number + 1;
                    Monitor.PulseAll(gate);
                }
            }
        }
        finally
        {
            Cancel();
        }
    }

    void Begin(int newEpoch, int startBatch, CancellationToken newStop)
    {
        Cancel();
        EpochOrder.Fill(order, options.Seed, newEpoch, options.Shuffle);
        lock (gate)
        {
            (epoch, stop) = (newEpoch, newStop);
            batchInUse = nextBatch = startBatch;
            nextItem = (int)Math.Min((long)startBatch * options.BatchSize, ImagesPerEpoch);
            endItem = ImagesPerEpoch;
            foreach (Slot slot in slots)
                slot.Batch.Number = -1;
            Monitor.PulseAll(gate);
        }
        for (int i = threads.Count; i < options.Workers; i++)
        {
            var thread = new Thread(Work) { IsBackground = true, Name = $"image loader {i}" };
            threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Lets no further image be claimed and waits for those in work.</summary>
    void Cancel()
    {
        lock (gate)
        {
            endItem = nextItem;
            while (active > 0)
                Monitor.Wait(gate);
        }
    }

    /// <summary>Lets whoever waits look again.</summary>
    void Wake()
    {
        lock (gate)
            Monitor.PulseAll(gate);
    }

    /// <returns>The batch in its slot; null when told to stop.</returns>
    Slot? WaitFor(int number)
    {
        Slot slot = slots[number % slots.Length];
        lock (gate)
        {
            while (slot.Batch.Number != number || !slot.IsDone)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                if (stop.IsCancellationRequested)
                    return null;
                Monitor.Wait(gate);
            }
        }
        return slot;
    }

    /// <returns>The batch in its slot; null when told to stop.</returns>
    Slot? LoadHere(int number)
    {
        inline ??= new ImageReader(dataset, transform, options, bad);
        Slot slot = slots[number % slots.Length];
        while (slot.Batch.Number != number || !slot.IsDone)
        {
            if (stop.IsCancellationRequested)
                return null;
            int item = nextItem;
            Claim();
            slot.Finish(item, Load(inline, item, slot.Batch));
        }
        return slot;
    }

    void Work()
    {
        using var reader = new ImageReader(dataset, transform, options, bad);
        while (true)
        {
            int item;
            Slot slot;
            lock (gate)
            {
                while (!disposed && !(nextItem < endItem && nextItem / options.BatchSize < batchInUse + slots.Length))
                    Monitor.Wait(gate);
                if (disposed)
                    return;
                item = nextItem;
                slot = Claim();
                active++;
            }
            ExceptionDispatchInfo? error = Load(reader, item, slot.Batch);
            lock (gate)
            {
                active--;
                slot.Finish(item, error);
                // Whoever waits, waits for a whole batch, or to cancel, for the last image in work.
                if (slot.IsDone || (active == 0 && nextItem == endItem))
                    Monitor.PulseAll(gate);
            }
        }
    }

    /// <summary>Takes the next item; with the first of a batch its slot begins anew.</summary>
    Slot Claim()
    {
        int number = nextItem / options.BatchSize;
        Slot slot = slots[number % slots.Length];
        if (slot.Batch.Number != number)
        {
            slot.Begin(number, Math.Min(options.BatchSize, endItem - number * options.BatchSize));
        }
        nextItem++;
        return slot;
    }

    ExceptionDispatchInfo? Load(ImageReader reader, int item, ImageBatch batch)
    {
        try
        {
            // The device may still be copying what this memory held before.
            batch.Memory.WaitUntilRead();
            int number = item / options.BatchSize, position = item % options.BatchSize;
            reader.Read(order[(number * allImages) + (options.Rank * options.BatchSize) + position], epoch, batch, position, stop);
            return null;
        }
        catch (Exception e)
        {
            // Whatever it is, it is the caller's to handle, at this batch.
            return ExceptionDispatchInfo.Capture(e);
        }
    }

    /// <summary>A batch in preparation or in use.</summary>
    sealed class Slot(ImageBatch batch)
    {
        int errorItem, missing;

        public ImageBatch Batch { get; } = batch;

        /// <summary>Whether all images have been read.</summary>
        public bool IsDone => missing == 0;

        /// <summary>The error of the first bad image in the epoch's order, whichever thread met it first.</summary>
        public ExceptionDispatchInfo? Error { get; private set; }

        public void Begin(int number, int count)
        {
            (Batch.Number, Batch.Count, missing, Error) = (number, count, count, null);
        }

        public void Finish(int item, ExceptionDispatchInfo? error)
        {
            missing--;
            if (error is not null && (Error is null || item < errorItem))
                (Error, errorItem) = (error, item);
        }
    }
}
