using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Training.Setup;

/// <summary>The same on the software GPU, where the copies run on a stream of their own: in the order of issue, as late as possible,
/// and in orders that the rules allow, chosen at random. Its checks find any access that no event orders.</summary>
[CancelAfter(60_000)]
[TestFixture(null), TestFixture(1), TestFixture(2), TestFixture(3), TestFixture(4), TestFixture(5)]
sealed class BatchInputOnGpuTests(int? seed)
{
    SimulatedDriver driver = null!;
    Device device = null!;

    [SetUp]
    public void Open()
    {
        driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1, ShuffleSeed = seed });
        device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
    }

    [TearDown]
    public void Close()
    {
        Assert.That(driver.Fault, Is.Null);
        device.Dispose();
    }

    /// <summary>Nothing waits within an epoch but the loader's own threads: each batch is copied away on the device, and read at the
    /// end.</summary>
    [Test]
    public void BatchesArriveWithoutTheHostWaiting([Values(0, 1, 3)] int workers)
    {
        using ImageLoader loader = InputCase.Loader(device, workers, images: 45);
        using var input = new BatchInput(device, InputCase.Normalization, InputCase.Classes);
        for (int epoch = 0; epoch < 2; epoch++)
        {
            List<(InputBatch Batch, Tensor Images, Tensor Labels)> kept = [];
            foreach (InputBatch batch in input.Epoch(loader, epoch))
                kept.Add((batch, Tensor.Persistent(batch.Images.Shape, device: device).CopyFrom(batch.Images),
                    Tensor.Persistent(batch.Labels.Shape, DType.Int32, device).CopyFrom(batch.Labels)));
            var expected = InputCase.Expected(epoch, images: 45);
            Assert.That(kept, Has.Count.EqualTo(expected.Count));
            foreach (var (batch, images, labels) in kept)
            {
                (batch.Images, batch.Labels) = (images, labels);
                InputCase.AssertBatch(batch, expected[batch.Number]);
                images.Dispose();
                labels.Dispose();
            }
        }
    }

    [Test]
    public void TheNextBatchIsUnderWayWhenOneIsGivenOut()
    {
        var data = new CountingDataset(InputCase.Shapes(48));
        using var loader = new ImageLoader(data, InputCase.Transform,
            LoaderOptions.Evaluation(8, workers: 1) with { Prefetch = 4, Device = device });
        using var input = new BatchInput(device, InputCase.Normalization, InputCase.Classes);
        foreach (InputBatch batch in input.Epoch(loader, 0))
        {
            if (batch.Number is > 0 and < 4)
                Assert.That(input.Waiting, Is.EqualTo(1), $"batch {batch.Number}");
            // The only worker reads in order: once it is in the batch after the next but one, that one is complete.
            if (batch.Number < 3)
                Assert.That(SpinWait.SpinUntil(() => data.Reads > 8 * (batch.Number + 3), TimeSpan.FromSeconds(30)));
        }
    }

    [Test]
    public void AnEpochMayEndWhileTheNextBatchIsCopied()
    {
        using ImageLoader loader = InputCase.Loader(device, workers: 2, images: 48);
        using var input = new BatchInput(device, InputCase.Normalization, InputCase.Classes);
        var expected = InputCase.Expected(epoch: 1, images: 48);
        foreach (int first in (int[])[3, 0, 4, 1])
        {
            foreach (InputBatch batch in input.Epoch(loader, epoch: 1, first))
            {
                InputCase.AssertBatch(batch, expected[batch.Number]);
                if (batch.Number == first + 1)
                    break;
            }
        }
    }

    [Test]
    public void TensorsKeepTheirPlaceAndFollowTheBatch()
    {
        using ImageLoader loader = InputCase.Loader(device, workers: 1);
        using var input = new BatchInput(device, InputCase.Normalization, InputCase.Classes);
        var places = input.Epoch(loader, 0).Concat(input.Epoch(loader, 1)).Select(b => (b.Images.Address, b.Labels.Address)).Distinct();
        Assert.That(places.Count(), Is.EqualTo(1));
    }

    [Test]
    public void MemoryComesBackAlsoFromACopyInFlight([Values] bool inputFirst)
    {
        device.Trim();
        var (before, pinned) = (driver.MemoryInUse, driver.PinnedInUse);
        long live = device.Memory.Live;
        var loader = InputCase.Loader(device, workers: 2, images: 48);
        var input = new BatchInput(device, InputCase.Normalization, InputCase.Classes);
        foreach (InputBatch batch in input.Epoch(loader, 0))
        {
            if (batch.Number == 1)
                break;
        }
        Assert.That(device.Memory.Live, Is.GreaterThan(live));
        Assert.That(driver.PinnedInUse.Bytes, Is.GreaterThan(pinned.Bytes));
        Assert.That(driver.PendingOperations, Is.GreaterThan(0));
        foreach (IDisposable owner in inputFirst ? (IDisposable[])[input, loader] : [loader, input])
            owner.Dispose();
        Assert.That(driver.PinnedInUse, Is.EqualTo(pinned));
        Assert.That(device.Memory.Live, Is.EqualTo(live));
        // What was given back is written by others at once.
        using (var other = Tensor.Persistent([InputCase.Loader(Device.Cpu, 0).Layout.Bytes], DType.UInt8, device).Fill(7))
            Assert.That(other.ToArray<byte>(), Is.All.EqualTo(7));
        device.Trim();
        Assert.That(driver.MemoryInUse, Is.EqualTo(before));
    }

    /// <summary>Counts the images that were begun.</summary>
    sealed class CountingDataset(Dataset inner) : Dataset
    {
        int reads;

        public int Reads => Volatile.Read(ref reads);

        public override string Name => inner.Name;

        public override int Count => inner.Count;

        public override ClassList Classes => inner.Classes;

        public override int Label(int index) => inner.Label(index);

        public override string Describe(int index) => inner.Describe(index);

        public override ReadOnlyMemory<byte> Encoded(int index, ImageDecoder decoder) => inner.Encoded(index, decoder);

        public override (int Width, int Height) Open(int index, ImageDecoder decoder)
        {
            Interlocked.Increment(ref reads);
            return inner.Open(index, decoder);
        }

        public override ImageInfo Decode(int index, ImageDecoder decoder, CropBox region, RgbImage image) =>
            inner.Decode(index, decoder, region, image);
    }
}
