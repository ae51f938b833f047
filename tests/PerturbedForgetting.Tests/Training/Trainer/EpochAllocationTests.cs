using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What an epoch allocates on the managed heap: loader, step, meters and observer together, on all threads.</summary>
[TestFixture, NonParallelizable]
sealed class EpochAllocationTests
{
    const int WarmUp = 10;

    [Test]
    public void DrawnImages([Values(0, 2)] int workers, [Values("sgdw", "sam_sgdw")] string opt)
    {
        using var folder = new TestFolder();
        Check(ShortRun.Options(folder.Root) with
        {
            Dataset = "builtin/shapes:train=1600,val=16,size=16",
            Opt = OptimizerName.Parse(opt),
            Workers = workers
        });
    }

    [Test]
    public void JpegFiles()
    {
        using var folder = new TestFolder();
        for (int i = 0; i < 320; i++)
            folder.Write($"data/train/{i % 2}/{i}.jpg", TestImages.Jpeg(40 + (i % 9), 33, i));
        for (int i = 0; i < 16; i++)
            folder.Write($"data/val/{i % 2}/{i}.jpg", TestImages.Jpeg(40, 33, i));
        Check(ShortRun.Transformer(folder.Root) with
        {
            Dataset = "",
            DataDir = folder.Path("data"),
            ValSplit = "val",
            Opt = OptimizerName.Parse("sam_sgdw"),
            Workers = 2
        });
    }

    static void Check(TrainOptions options)
    {
        long[] bytes = new long[1000];
        int updates = 0, first = 0, last = 0;
        // Garbage of other tests is not the epoch's.
        GC.Collect();
        var observer = new RecordingObserver
        {
            OnUpdate = _ =>
            {
                last = GC.CollectionCount(2);
                if (updates == WarmUp)
                    first = last;
                bytes[updates++] = GC.GetTotalAllocatedBytes(precise: true);
            },
        };
        ShortRun.Train(options with { GradAccumSteps = 1, Epochs = 1, WarmupEpochs = 0 }, observer);
        Assert.That(updates, Is.GreaterThan(2 * WarmUp));
        long[] steps = [.. Enumerable.Range(WarmUp, updates - WarmUp - 1).Select(i => bytes[i + 1] - bytes[i]).Order()];
        TestContext.Out.WriteLine($"{steps[0]} to {steps[^1]}, median {steps[steps.Length / 2]} bytes an update");
        Assert.That(steps[steps.Length / 2], Is.LessThan(AllocationTests.Limit));
        Assert.That(last, Is.EqualTo(first), "collections of generation 2");
    }
}
