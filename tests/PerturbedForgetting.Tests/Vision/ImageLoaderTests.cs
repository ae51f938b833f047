using System.Diagnostics;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Tests.Vision;

[CancelAfter(60_000)]
public class ImageLoaderTests
{
    static readonly ImageTransform Augmenting = new RandomResizedCrop(12, 12);

    static Dataset Shapes(int count) => DatasetFactory.Open($"builtin/shapes:train={count},size=16", null, "train");

    static List<(int[] Indices, int[] Labels, byte[] Pixels)> Collect(ImageLoader loader, int epoch, int startBatch = 0) =>
        [.. loader.Epoch(epoch, startBatch).Select(Copy)];

    /// <summary>A batch's indices, labels and images as the network sees them: mirrored where the flags say so.</summary>
    static (int[] Indices, int[] Labels, byte[] Pixels) Copy(ImageBatch batch)
    {
        byte[] pixels = batch.Pixels.ToArray();
        for (int i = 0; i < batch.Count; i++)
            if (batch.Flips[i] != 0)
                ImageTransform.FlipHorizontally(pixels.AsSpan(i * batch.Layout.ImageBytes, batch.Layout.ImageBytes), batch.Layout.Width);
        return (batch.Indices.ToArray(), batch.Labels.ToArray(), pixels);
    }

    static void AssertSame(List<(int[] Indices, int[] Labels, byte[] Pixels)> a, List<(int[] Indices, int[] Labels, byte[] Pixels)> b)
    {
        Assert.That(b, Has.Count.EqualTo(a.Count));
        for (int i = 0; i < a.Count; i++)
        {
            Assert.That(b[i].Indices, Is.EqualTo(a[i].Indices));
            Assert.That(b[i].Labels, Is.EqualTo(a[i].Labels));
            Assert.That(b[i].Pixels.AsSpan().SequenceEqual(a[i].Pixels), $"batch {i}");
        }
    }

    /// <summary>A set that can be told to fail, wait or count.</summary>
    sealed class ScriptedDataset(int count, Action<int> onRead) : Dataset
    {
        public override string Name => "scripted";

        public override int Count => count;

        public override ClassList Classes { get; } = new(["a", "b"]);

        public override int Label(int index) => index % 2;

        public override string Describe(int index) => $"folder/{index}.jpg";

        public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => EncodePng(index, decoder);

        public override (int Width, int Height) Open(int index, ImageDecoder decoder)
        {
            onRead(index);
            return (2, 2);
        }

        public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image)
        {
            image.Resize(2, 2);
            image.Pixels.Fill((byte)index);
            return new ImageInfo(2, 2, "test", ImageColor.Rgb);
        }
    }

    static ImageLoader Scripted(int count, int batch, int workers, Action<int> onRead, BadImagePolicy policy = BadImagePolicy.Fail) =>
        new(new ScriptedDataset(count, onRead), new EvalTransform(2, 2, 1),
            LoaderOptions.Evaluation(batch, workers) with { BadImages = policy });

    /// <summary>A batch that takes long is not waited for once somebody wants to stop; one that is ready may still be given out.</summary>
    [Test]
    public void AWaitEndsWithTheRun([Values(0, 1, 3)] int workers)
    {
        using var stop = new CancellationTokenSource();
        int read = 0;
        using ImageLoader loader = Scripted(1000, 100, workers, index =>
        {
            if (index == 150)
                stop.Cancel();
            if (index >= 150)
                Thread.Sleep(1);
            Interlocked.Increment(ref read);
        });
        int[] given = [.. loader.Epoch(0, 0, stop.Token).Select(batch => batch.Number)];
        Assert.That(given, Is.SubsetOf(new[] { 0 }));
        Assert.That(read, Is.LessThan(300));
        Assert.That(loader.Epoch(0, 9).Count(), Is.EqualTo(1), "and can be used again");
    }

    [Test]
    public void BatchesAreTheSameForAnyNumberOfWorkers()
    {
        List<(int[], int[], byte[])>? first = null;
        foreach (int workers in (int[])[0, 1, 3, 8])
        {
            using var loader = new ImageLoader(Shapes(103), Augmenting,
                LoaderOptions.Training(8, workers, 5) with { Prefetch = workers % 3 });
            List<(int[], int[], byte[])> batches = [.. Collect(loader, 0), .. Collect(loader, 1)];
            Assert.That(batches, Has.Count.EqualTo(24));
            if (first is null)
                first = batches;
            else
                AssertSame(first, batches);
        }
    }

    [Test]
    public void SeedAndEpochDecideOrderAndAugmentation()
    {
        List<(int[] Indices, int[] Labels, byte[] Pixels)> Run(ulong seed, int epoch)
        {
            using var loader = new ImageLoader(Shapes(64), Augmenting, LoaderOptions.Training(8, 2, seed));
            return Collect(loader, epoch);
        }

        AssertSame(Run(1, 0), Run(1, 0));
        Assert.That(Run(2, 0)[0].Indices, Is.Not.EqualTo(Run(1, 0)[0].Indices));
        Assert.That(Run(1, 1)[0].Indices, Is.Not.EqualTo(Run(1, 0)[0].Indices));
        int[] all = [.. Run(1, 3).SelectMany(b => b.Indices).Order()];
        Assert.That(all, Is.EqualTo(Enumerable.Range(0, 64)));
    }

    /// <summary>A flip that is left to the network's input gives the same bytes as one that the transform makes.</summary>
    [TestCaseSource(nameof(Transforms))]
    public void ImagesAreThoseOfTheTransform(ImageTransform transform)
    {
        Dataset data = Shapes(40);
        using var loader = new ImageLoader(data, transform, LoaderOptions.Training(8, 2, 7));
        using var decoder = new ImageDecoder(ImageDecoderOptions.Default);
        using var image = new RgbImage();
        using var resampler = new Resampler();
        byte[] expected = new byte[transform.OutputBytes];
        int flips = 0;
        foreach (ImageBatch batch in loader.Epoch(3))
        {
            byte[] pixels = Copy(batch).Pixels;
            for (int i = 0; i < batch.Count; i++)
            {
                data.Read(batch.Indices[i], image, decoder);
                var random = new RandomSequence(7, Streams.Augmentation | 3UL << 32 | (uint)batch.Indices[i]);
                transform.ApplyTo(image, resampler, random, expected);
                Assert.That(pixels.AsSpan(i * expected.Length, expected.Length).SequenceEqual(expected), $"image {batch.Indices[i]}");
                flips += batch.Flips[i];
            }
        }
        Assert.That(flips, transform is EvalTransform ? Is.Zero : Is.GreaterThan(5).And.LessThan(35));
    }

    static IEnumerable<ImageTransform> Transforms() =>
        [new RandomResizedCrop(12, 13), new PaddedCrop(16, 16, 2), new EvalTransform(11, 11)];

    [Test]
    public void AugmentationOfASampleDiffersFromEpochToEpoch()
    {
        using var loader = new ImageLoader(Shapes(10), Augmenting, LoaderOptions.Evaluation(10, 1) with { Seed = 3 });
        byte[] first = Collect(loader, 0)[0].Pixels, second = Collect(loader, 1)[0].Pixels;
        Assert.That(first.AsSpan().SequenceEqual(second), Is.False);
    }

    [Test]
    public void ResumingWithinAnEpochContinuesIt()
    {
        using var whole = new ImageLoader(Shapes(100), Augmenting, LoaderOptions.Training(7, 3, 9));
        List<(int[], int[], byte[])> expected = Collect(whole, 4);
        using var resumed = new ImageLoader(Shapes(100), Augmenting, LoaderOptions.Training(7, 2, 9));
        List<(int[], int[], byte[])> start = [.. whole.Epoch(4).Take(5).Select(Copy)];
        AssertSame(expected, [.. start, .. Collect(resumed, 4, startBatch: 5)]);
        Assert.That(resumed.Epoch(4, startBatch: 14), Is.Empty);
    }

    [Test]
    public void SkippedBatchesAreNotRead([Values(0, 2)] int workers)
    {
        var read = new System.Collections.Concurrent.ConcurrentBag<int>();
        using ImageLoader loader = Scripted(10_000, 10, workers, read.Add);
        long start = Stopwatch.GetTimestamp();
        Assert.That(loader.Epoch(0, startBatch: 900).Sum(b => b.Count), Is.EqualTo(1000));
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(read.Order(), Is.EqualTo(Enumerable.Range(9000, 1000)));
    }

    [Test]
    public void EvaluationKeepsTheLastBatchAndTrainingDropsIt([Values(0, 2)] int workers)
    {
        using var evaluation = new ImageLoader(Shapes(21), Augmenting, LoaderOptions.Evaluation(8, workers));
        Assert.That(evaluation.Epoch(0).Select(b => b.Count), Is.EqualTo(new[] { 8, 8, 5 }));
        Assert.That((evaluation.BatchesPerEpoch, evaluation.ImagesPerEpoch), Is.EqualTo((3, 21)));
        using var training = new ImageLoader(Shapes(21), Augmenting, LoaderOptions.Training(8, workers, 1));
        Assert.That(training.Epoch(0).Select(b => b.Count), Is.EqualTo(new[] { 8, 8 }));
        Assert.That((training.BatchesPerEpoch, training.ImagesPerEpoch), Is.EqualTo((2, 16)));
    }

    [TestCase(5)]
    [TestCase(7)]
    public void FewerImagesThanABatchAreRefused(int images)
    {
        DatasetException e = Assert.Throws<DatasetException>(() =>
            new ImageLoader(Shapes(images), Augmenting, LoaderOptions.Training(8, 2, 1)).Dispose())!;
        Assert.That(e.Message, Does.Contain($"{images} images < batch 8").And.Contain($"`BatchSize` {images}"));
    }

    [Test]
    public void ThreeHundredShortEpochsFinish()
    {
        using var loader = new ImageLoader(Shapes(8), Augmenting, LoaderOptions.Training(8, 8, 1));
        for (int epoch = 0; epoch < 300; epoch++)
            Assert.That(loader.Epoch(epoch).Count(), Is.EqualTo(1));
    }

    [Test]
    public void LoadersStartAndStop()
    {
        for (int epoch = 0; epoch < 60; epoch++)
        {
            using var loader = new ImageLoader(Shapes(8), Augmenting, LoaderOptions.Training(8, 8, 1));
            Assert.That(loader.Epoch(epoch).Count(), Is.EqualTo(1));
        }
    }

    [Test]
    public void StoppingWithinAnEpochIsQuick()
    {
        int read = 0;
        var loader = Scripted(100_000, 10, 4, _ =>
        {
            Interlocked.Increment(ref read);
            Thread.Sleep(2);
        });
        foreach (ImageBatch batch in loader.Epoch(0))
        {
            if (batch.Number == 3)
                break;
        }
        int stopped = read;
        long start = Stopwatch.GetTimestamp();
        loader.Dispose();
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(1)));
        Assert.That(read, Is.EqualTo(stopped), "nothing is read after the enumeration has stopped");
        Assert.That(read, Is.LessThanOrEqualTo(10 * 7), "prefetch is bounded");
    }

    [Test]
    public void ErrorSurfacesAtItsBatchWithThePath([Values(0, 1, 4)] int workers)
    {
        using ImageLoader loader = Scripted(40, 8, workers, i =>
        {
            if (i is 19 or 21)
                throw new ImageDecodeException(ImageProblem.Truncated, "cut", $"folder/{i}.jpg", 10);
        });
        var delivered = new List<int>();
        ImageDecodeException e = Assert.Throws<ImageDecodeException>(() =>
        {
            foreach (ImageBatch batch in loader.Epoch(0))
                delivered.Add(batch.Number);
        })!;
        Assert.That(delivered, Is.EqualTo(new[] { 0, 1 }));
        Assert.That(e.Path, Is.EqualTo("folder/19.jpg"), "the first in order, whichever worker was faster");
        Assert.That(loader.Epoch(1, startBatch: 3).Count(), Is.EqualTo(2), "the loader remains usable");
    }

    /// <summary>An image with wrong pixels is taken and counted, or replaced; one with stray bytes is taken in either case.</summary>
    [Test]
    public void DamagedImagesAreCountedOrReplaced([Values] BadImagePolicy policy)
    {
        using var folder = new TestFolder();
        foreach (string kind in (string[])["end_early", "fill_bytes_before_markers", "restart_3_ahead", "stray_bytes_before_markers"])
            folder.Write($"c/{kind}.jpg", File.ReadAllBytes(ReferenceData.PathOf($"jpeg_damaged/kinds/{kind}.jpg")));
        using var loader = new ImageLoader(ImageFolderDataset.Open(folder.Root), new EvalTransform(8, 8),
            LoaderOptions.Evaluation(4, 2) with { BadImages = policy });
        bool skips = policy == BadImagePolicy.Skip;
        for (int epoch = 0; epoch < 2; epoch++)
        {
            Assert.That(Collect(loader, epoch).Single().Indices, Is.EqualTo(skips ? new[] { 1, 1, 3, 3 } : [0, 1, 2, 3]));
            Assert.That(loader.TakeBadImageCounts(), Is.EqualTo(skips ? new BadImageCounts(2, 0, 0, 2) : new BadImageCounts(0, 0, 2, 1)));
        }
        Assert.That((skips ? loader.Skipped : loader.Damaged).Select(b => b.Index), Is.EqualTo(new[] { 0, 2 }));
        Assert.That((skips ? loader.Skipped : loader.Damaged)[0].Reason, Does.Contain("end too early"));
    }

    [Test]
    public void SkippedImagesAreReplacedByTheNextAndNamed([Values(0, 3)] int workers)
    {
        using ImageLoader loader = Scripted(12, 4, workers, i =>
        {
            if (i is 2 or 3 or 11)
                throw new ImageDecodeException(ImageProblem.Corrupt, "broken");
        }, BadImagePolicy.Skip);
        int[] indices = [.. Collect(loader, 0).SelectMany(b => b.Indices)];
        Assert.That(indices, Is.EqualTo(new[] { 0, 1, 4, 4, 4, 5, 6, 7, 8, 9, 10, 0 }));
        Assert.That(loader.Skipped, Is.EqualTo(new[] { 2, 3, 11 }.Select(i => new BadImage(i, $"folder/{i}.jpg", "broken"))));
    }

    [Test]
    public void SkippingEveryImageEndsWithAnError()
    {
        using ImageLoader loader =
            Scripted(12, 4, 2, _ => throw new ImageDecodeException(ImageProblem.Corrupt, "broken"), BadImagePolicy.Skip);
        Assert.Throws<ImageDecodeException>(() => loader.Epoch(0).Count());
    }

    [Test]
    public void OtherErrorsOfWorkersReachTheCaller()
    {
        using ImageLoader loader = Scripted(12, 4, 2, _ => throw new InvalidOperationException("no"), BadImagePolicy.Skip);
        Assert.Throws<InvalidOperationException>(() => loader.Epoch(0).Count());
    }

    /// <summary>A set that notes at each image what the thread that reads it has allocated since the one before: what the process
    /// does elsewhere at the same time does not count.</summary>
    sealed class AllocationsOf(Dataset inner) : Dataset
    {
        [ThreadStatic]
        static long last;

        public long[] Allocated { get; } = new long[inner.Count];

        public override string Name => inner.Name;

        public override int Count => inner.Count;

        public override ClassList Classes => inner.Classes;

        public override int Label(int index) => inner.Label(index);

        public override string Describe(int index) => inner.Describe(index);

        public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => inner.Encoded(index, decoder);

        public override (int Width, int Height) Open(int index, ImageDecoder decoder)
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            Allocated[index] = last == 0 ? 0 : now - last;
            last = now;
            return inner.Open(index, decoder);
        }

        public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) =>
            inner.Decode(index, decoder, region, image);
    }

    [Test]
    public void SteadyStateAllocatesNothingPerImage()
    {
        var data = new AllocationsOf(Shapes(2000));
        using var loader = new ImageLoader(data, Augmenting, LoaderOptions.Training(50, 2, 1));
        for (int epoch = 0; epoch < 2; epoch++)
        {
            Array.Fill(data.Allocated, -1);
            Assert.That(loader.Epoch(epoch).Count(), Is.EqualTo(40));
        }
        Assert.That(data.Allocated, Has.None.Negative);
        Assert.That(data.Allocated.Sum(), Is.LessThan(2000 * 16));
    }

    /// <summary>What a loader holds are its batches and a buffer a worker, whatever the images lie in: reading one more makes only its
    /// name.</summary>
    [Test]
    public void AContainerTakesNoMemoryForAnImage([Values("folder", "webdataset", "tfrecord")] string form)
    {
        const int Images = 200, MostBytes = 2048;
        using TestFolder photos = new(), target = new();
        byte[] photo = TestImages.Jpeg(40, 40);
        for (int i = 0; i < Images; i++)
            photos.Write($"train/class{i % 2}/{i:D3}.jpg", photo);
        using Dataset source = DatasetFactory.Open("", photos.Root, "train");
        DatasetConversion.Run([("train", source)], new() { Form = form, Folder = target.Root, ShardBytes = 50_000 });
        using Dataset set = DatasetFactory.Open(form switch { "tfrecord" => "tfds/images", var same => same }, target.Root, "train");
        var data = new AllocationsOf(set);
        using var loader = new ImageLoader(data, Augmenting, LoaderOptions.Training(25, 2, 1));
        for (int epoch = 0; epoch < 3; epoch++)
        {
            Array.Fill(data.Allocated, -1);
            Assert.That(loader.Epoch(epoch).Count(), Is.EqualTo(8));
        }
        Assert.That(data.Allocated.Sum(), Is.LessThan(Images * MostBytes));
    }

    [Test]
    public void BatchesAreAlignedAndDieWithTheLoader()
    {
        ImageBatch? kept = null;
        using (var loader = new ImageLoader(Shapes(20), Augmenting, LoaderOptions.Evaluation(8, 1)))
        {
            foreach (ImageBatch batch in loader.Epoch(0))
            {
                kept = batch;
                Assert.That(batch.Pixels.Length, Is.EqualTo(batch.Count * 12 * 12 * 3));
            }
        }
        Assert.Throws<ObjectDisposedException>(() => _ = kept!.Pixels.Length);
    }
}
