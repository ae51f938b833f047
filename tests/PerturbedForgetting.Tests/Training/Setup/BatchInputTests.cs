using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Tests.Training.Setup;

/// <summary>What reaches the network is what the loader's bytes say, for whole, last and abandoned epochs.</summary>
[CancelAfter(60_000)]
sealed class BatchInputTests
{
    [Test]
    public void BatchesEqualTheLoaders([Values(0, 1, 3)] int workers)
    {
        using ImageLoader loader = InputCase.Loader(Device.Cpu, workers);
        using var input = new BatchInput(Device.Cpu, InputCase.Normalization, InputCase.Classes);
        for (int epoch = 0; epoch < 3; epoch++)
        {
            var expected = InputCase.Expected(epoch);
            int number = 0;
            foreach (InputBatch batch in input.Epoch(loader, epoch))
            {
                Assert.That(batch.Number, Is.EqualTo(number));
                InputCase.AssertBatch(batch, expected[number++]);
            }
            Assert.That(number, Is.EqualTo(3), "the last batch has 5 images");
        }
    }

    [Test]
    public void AnEpochMayBeginLateAndEndEarly()
    {
        using ImageLoader loader = InputCase.Loader(Device.Cpu, workers: 2, images: 48);
        using var input = new BatchInput(Device.Cpu, InputCase.Normalization, InputCase.Classes);
        var expected = InputCase.Expected(epoch: 1, images: 48);
        foreach (int first in (int[])[4, 1, 0, 2])
        {
            int number = first;
            foreach (InputBatch batch in input.Epoch(loader, epoch: 1, first).Take(2))
                InputCase.AssertBatch(batch, expected[number++]);
            Assert.That(number, Is.EqualTo(first + 2));
        }
        Assert.That(input.Epoch(loader, epoch: 1, firstBatch: 6), Is.Empty);
    }

    [Test]
    public void TensorsKeepTheirPlace()
    {
        using ImageLoader loader = InputCase.Loader(Device.Cpu, workers: 1);
        using var input = new BatchInput(Device.Cpu, InputCase.Normalization, InputCase.Classes);
        var places = input.Epoch(loader, 0).Select(b => (b.Images.Address, b.Labels.Address)).Distinct();
        Assert.That(places.Count(), Is.EqualTo(1));
    }

    [Test]
    public void MemoryComesBack()
    {
        long before = Device.Cpu.Memory.Live;
        using (ImageLoader loader = InputCase.Loader(Device.Cpu, workers: 1))
        using (var input = new BatchInput(Device.Cpu, InputCase.Normalization, InputCase.Classes))
        {
            Assert.That(input.Epoch(loader, 0).Count(), Is.EqualTo(3));
            Assert.That(Device.Cpu.Memory.Live, Is.GreaterThan(before));
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(before));
    }

    [Test]
    public void ALabelThatIsNoClassIsNamed()
    {
        using ImageLoader loader = InputCase.Loader(Device.Cpu, workers: 0);
        using var input = new BatchInput(Device.Cpu, InputCase.Normalization, classes: 3);
        int[] labels = InputCase.Expected(0)[0].Labels;
        int wrong = Array.FindIndex(labels, l => l >= 3);
        Assert.That(() => input.Epoch(loader, 0).Count(), Throws.ArgumentException.With.Message
            .Contains($"label {labels[wrong]} of sample {wrong}").And.Message.Contains("`numClasses`"));
    }

    [Test]
    public void WhatIsKnownOfLabelsFollowsThem()
    {
        using var scope = Scope.Begin();
        var labels = Tensor.From<int>([0, 1, 3, 2], [4]);
        Assert.That(labels.KnownBelow, Is.EqualTo(4));
        Assert.That(labels.Rows(1, 2).KnownBelow, Is.EqualTo(4));
        Assert.That(Tensor.Empty([4], DType.Int32).CopyFrom(labels).KnownBelow, Is.EqualTo(4));
        Assert.That(labels.Fill(1).KnownBelow, Is.Zero);
        Assert.That(labels.CopyFrom<int>([0, -1, 2, 3]).KnownBelow, Is.Zero);
        Assert.That(labels.CopyFrom<int>([0, int.MaxValue, 2, 3]).KnownBelow, Is.Zero);
        Assert.That(labels.CopyFrom<int>([0, 1, 2, 9]).KnownBelow, Is.EqualTo(10));
        Assert.That(() => Ops.CrossEntropy(Tensor.Zeros([4, 4]), labels),
            Throws.ArgumentException.With.Message.Contains("label 9 of sample 3"));
    }
}
