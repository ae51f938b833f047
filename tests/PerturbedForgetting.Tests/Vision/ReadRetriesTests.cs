using System.Diagnostics;
using PerturbedForgetting.Tests.Vision.Containers;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;
using PerturbedForgetting.Vision.Imaging;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;
using static PerturbedForgetting.Tests.Vision.FailingReads.Failure;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Reads that a disk or network fails are tried again, damaged images are not.</summary>
sealed class ReadRetriesTests
{
    static readonly byte[] image = TestImages.Jpeg(8, 8);

    TestFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TestFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    [TestCase(Locked)]
    [TestCase(Device)]
    [TestCase(Short)]
    public void AFailureThatPassesIsTriedAgain(FailingReads.Failure failure)
    {
        var reads = new FailingReads(failure);
        using var decoder = new ImageDecoder { Reads = reads };
        Assert.That(decoder.Open(folder.Write("a.jpg", image)), Is.EqualTo((8, 8)));
        Assert.That((reads.Opened, decoder.TakeRetries(), decoder.TakeRetries()), Is.EqualTo((2, 1, 0)));
    }

    [TestCase(Locked, "locked (tried 2 times)")]
    [TestCase(Device, "Input/output error (tried 2 times)")]
    [TestCase(Short, "reading ended after 0 of")]
    public void AFailureThatStaysIsNoDamage(FailingReads.Failure failure, string expected)
    {
        using var decoder = new ImageDecoder(new() { ReadRetries = 1 }) { Reads = new FailingReads(failure, failure, failure) };
        string path = folder.Write("a.jpg", image);
        var e = Assert.Throws<ImageDecodeException>(() => decoder.Open(path))!;
        Assert.That((e.Problem, e.Path), Is.EqualTo((ImageProblem.Unreadable, path)));
        Assert.That(e.Reason, Does.Contain(expected));
    }

    [Test]
    public void WhatDoesNotPassIsNotTriedAgain()
    {
        var missing = new FailingReads(Missing, Missing);
        using var decoder = new ImageDecoder { Reads = missing };
        string path = folder.Write("a.jpg", image);
        Assert.That(Assert.Throws<ImageDecodeException>(() => decoder.Open(path))!.Problem, Is.EqualTo(ImageProblem.Unreadable));
        Assert.That(missing.Opened, Is.EqualTo(1));
        var reads = new FailingReads();
        using var other = new ImageDecoder { Reads = reads };
        Assert.That(Assert.Throws<ImageDecodeException>(() => other.Open(folder.Write("b.jpg", image[..100])))!.Problem,
            Is.EqualTo(ImageProblem.Truncated));
        Assert.That(reads.Opened, Is.EqualTo(1));
    }

    [Test]
    public void PausesDoubleAndCanBeEnded()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(450));
        using var decoder = new ImageDecoder(new() { ReadRetries = 100 })
        {
            Reads = new FailingReads(Enumerable.Repeat(Device, 100)),
            Stop = stop.Token,
        };
        long started = Stopwatch.GetTimestamp();
        Assert.Throws<OperationCanceledException>(() => decoder.Open(folder.Write("a.jpg", image)));
        Assert.That(decoder.TakeRetries(), Is.InRange(1, 3), "0.1 s, 0.2 s, and within 0.4 s");
        Assert.That(Stopwatch.GetElapsedTime(started).TotalSeconds, Is.GreaterThan(0.3).And.LessThan(30));
    }

    [Test]
    public void AFileThatAnotherProgramLocksIsWaitedFor()
    {
        string path = folder.Write("a.jpg", image);
        FileStream locked = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using var decoder = new ImageDecoder(new() { ReadRetries = 20 });
        using var _ = new Timer(_ => locked.Dispose(), null, 150, Timeout.Infinite);
        Assert.That(decoder.Open(path), Is.EqualTo((8, 8)));
        Assert.That(decoder.TakeRetries(), Is.Positive);
    }

    [Test]
    public void AContainerIsOpenedAnewAfterAFailure()
    {
        string path = folder.Write("all", [.. image, .. image]);
        var reads = new FailingReads(Device, Short);
        using var files = new ContainerFiles([path, folder.Write("other", image)], new DatasetOptions(), reads);
        using var decoder = new ImageDecoder();
        var range = new FileRange(0, image.Length, image.Length);
        Assert.That(decoder.Read(files, range, "second").ToArray(), Is.EqualTo(image));
        Assert.That((reads.Opened, decoder.TakeRetries()), Is.EqualTo((3, 2)));
        Assert.That(decoder.Read(files, range with { File = 1, Offset = 0 }, "other").ToArray(), Is.EqualTo(image));
        Assert.That(Assert.Throws<ImageDecodeException>(() =>
            decoder.Read(files, range with { Offset = image.Length + 100 }, "cut"))!.Problem,
            Is.EqualTo(ImageProblem.Truncated), "the file really ends there");
    }

    [TestCase(2, 3, true)]
    [TestCase(2, 1, false)]
    public void OpeningASetTriesAsOftenAsIsAsked(int failures, int retries, bool opens)
    {
        string path = folder.Write("set.tar", StoredTars.Of(("a/1.jpg", image)));
        var reads = new FailingReads(Enumerable.Repeat(Device, failures).ToArray());
        var options = new DatasetOptions { ReadRetries = retries };
        using var files = new ContainerFiles([path], options, reads);
        if (opens)
            Assert.That(new IndexCache(null, TimeSpan.Zero).Get(new TarIndexer(), files, options)[0].Images, Has.Count.EqualTo(1));
        else
            Assert.That(Assert.Throws<DatasetException>(() => new IndexCache(null, TimeSpan.Zero).Get(new TarIndexer(), files, options))!
                .Message, Does.Contain(path).And.Contain($"tried {retries + 1} times"));
    }

    [Test]
    public void ARealDeviceErrorIsTriedAgainAndNamed()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("needs a file of Linux whose reading fails");
        // Nothing is mapped at the beginning of memory, and reading there is an input/output error.
        using var files = new ContainerFiles(["/proc/self/mem"], new DatasetOptions());
        using var decoder = new ImageDecoder(new() { ReadRetries = 1 });
        var e = Assert.Throws<ImageDecodeException>(() => decoder.Read(files, new FileRange(0, 0, 100), "image 7"))!;
        Assert.That((e.Problem, decoder.TakeRetries()), Is.EqualTo((ImageProblem.Unreadable, 1)), e.Message);
        Assert.That(e.Message, Does.Contain("image 7").And.Contain("tried 2 times"));
    }

    [Test]
    public void TheLoaderCountsThem()
    {
        string path = folder.Write("train/a/1.jpg", image);
        using Dataset set = DatasetFactory.Open("folder", folder.Root, "train");
        using var loader = new ImageLoader(set, new EvalTransform(8, 8), LoaderOptions.Evaluation(1, 0));
        FileStream locked = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using var _ = new Timer(_ => locked.Dispose(), null, 50, Timeout.Infinite);
        Assert.That(loader.Epoch(0).Count(), Is.EqualTo(1));
        BadImageCounts counts = loader.TakeBadImageCounts();
        Assert.That(counts with { Retried = 0 }, Is.EqualTo(default(BadImageCounts)));
        Assert.That(counts.Retried, Is.Positive);
    }
}
