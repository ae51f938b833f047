using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class DropoutTests(string device) : DeviceFixture(device)
{
    [TestCase(0.1)]
    [TestCase(0.5)]
    [TestCase(0.9)]
    public void DropsTheAskedShareAndKeepsTheMean(double p)
    {
        using var scope = Scope.Begin();
        const int count = 200_003;
        float[] y = Ops.Dropout(Ones([count]), p, true, new DropoutStream(3)).ToArray<float>();
        Assert.That(y, Is.All.Matches<float>(v => v == 0 || v == (float)(1 / (1 - p))));
        // Five standard deviations of the binomial distribution.
        Assert.That(y.Count(v => v == 0) / (double)count, Is.EqualTo(p).Within(5 * Math.Sqrt(p * (1 - p) / count)));
    }

    [Test]
    public void TheGradientSeesTheSameMask([Values(1, 5, 4096, 70_001)] int count)
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([count], 1);
        Tensor y = Ops.Dropout(x, 0.4, true, new DropoutStream(9));
        y.Backward(Ones([count]));
        float[] input = x.ToArray<float>(), output = y.ToArray<float>(), gradient = x.Grad!.ToArray<float>();
        for (int i = 0; i < count; i++)
        {
            if (gradient[i] is not 0 and not (float)(1 / 0.6) || output[i] != input[i] * gradient[i])
                Assert.Fail($"element {i}: {input[i]} became {output[i]}, its gradient {gradient[i]}");
        }
        x.Grad.Dispose();
    }

    [Test]
    public void TheMaskIsAFunctionOfSeedCallAndIndex()
    {
        using var scope = Scope.Begin();
        float[] Mask(ulong seed, ulong call, int count) =>
            Ops.Dropout(Ones([count]), 0.5, true, new DropoutStream(seed) { Calls = call }).ToArray<float>();
        Assert.That(Mask(1, 7, 1000), Is.EqualTo(Mask(1, 7, 1000)));
        Assert.That(Mask(1, 7, 1000), Is.EqualTo(Mask(1, 7, 50_000)[..1000]));
        Assert.That(Mask(1, 7, 1000), Is.Not.EqualTo(Mask(1, 8, 1000)));
        Assert.That(Mask(1, 7, 1000), Is.Not.EqualTo(Mask(2, 7, 1000)));
        foreach (DType type in TestDevices.FloatTypes)
            Assert.That(OpsTesting.Numbers(Ops.Dropout(Tensor.Ones([1000], type, Device.Cpu), 0.5, true,
                new DropoutStream(1) { Calls = 7 })), Is.EqualTo(Array.ConvertAll(Mask(1, 7, 1000), v => (double)v)),
                "on every device and in every type");
    }

    /// <summary>Every element by the word at its index, at lengths around a block, a vector and a buffer of words.</summary>
    [Test]
    public void AnElementStaysWhereItsWordIsNotBelowTheThreshold([Values(1, 3, 4, 31, 33, 127, 130, 1023, 1025, 40_001)] int count,
        [Values(1e-9, 0.1, 0.999999)] double p)
    {
        using var scope = Scope.Begin();
        float[] x = GradientCheck.Normal([count], 1, device: Device.Cpu).ToArray<float>();
        float[] y = Ops.Dropout(From(x, [count]), p, true, new DropoutStream(3) { Calls = 5 }).ToArray<float>();
        Philox philox = new(3, Streams.Dropout | 5);
        for (int i = 0; i < count; i++)
        {
            float expected = philox.UInt32((ulong)i) >= (ulong)(p * 4294967296.0) ? x[i] * (float)(1 / (1 - p)) : 0;
            if (y[i] != expected)
                Assert.Fail($"element {i}: {x[i]} became {y[i]}, not {expected}");
        }
    }

    /// <summary>What a checkpoint does: with seed and counter restored, the run goes on with the masks it would have had.</summary>
    [Test]
    public void ARestoredStreamGoesOn()
    {
        using var scope = Scope.Begin();
        Tensor x = Ones([100]);
        DropoutStream stream = new(5);
        Ops.Dropout(x, 0.5, true, stream);
        (ulong seed, ulong calls) = (stream.Seed, stream.Calls);
        float[] next = Ops.Dropout(x, 0.5, true, stream).ToArray<float>();
        Assert.That(Ops.Dropout(x, 0.5, true, new DropoutStream(seed) { Calls = calls }).ToArray<float>(), Is.EqualTo(next));
    }

    /// <summary>A call of a captured graph takes the number that stands on the device.</summary>
    [Test]
    public void TheCounterOnTheDeviceIsAddedToTheCall([Values(1, 1025)] int count, [Values(41, 1L << 40)] long counter)
    {
        using var scope = Scope.Begin();
        using Parameter x = OpsTesting.Normal([count], 4);
        DropoutStream counted = new(7) { Calls = 3, Counter = From([counter], [1]) }, plain = new(7) { Calls = (ulong)counter };
        for (int call = 0; call < 2; call++)
            Assert.That(Ops.Dropout(x, 0.5, true, counted).ToArray<float>(), Is.EqualTo(Ops.Dropout(x, 0.5, true, plain).ToArray<float>()),
                $"call {call}");
    }

    [Test]
    public void NothingHappensInEvaluationOrWithoutProbability()
    {
        using Tensor x = Ones([4]);
        DropoutStream stream = new(1);
        Assert.That(Ops.Dropout(x, 0.5, false, stream), Is.SameAs(x));
        Assert.That(Ops.Dropout(x, 0, true, stream), Is.SameAs(x));
        Assert.That(stream.Calls, Is.Zero);
    }

    [Test]
    public void EverythingIsDroppedAtOne()
    {
        using var scope = Scope.Begin();
        Tensor x = From([1f, float.NaN, float.PositiveInfinity], [3]);
        Assert.That(Ops.Dropout(x, 1, true, new DropoutStream(1)).ToArray<float>(), Is.All.Zero);
    }

    [TestCase(-0.1)]
    [TestCase(1.1)]
    [TestCase(double.NaN)]
    public void WhatIsNoProbabilityIsRefused(double p)
    {
        using Tensor x = Ones([4]);
        Assert.That(() => Ops.Dropout(x, p, true, new DropoutStream(1)),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("[0, 1]"));
        Assert.That(() => new Dropout(p), Throws.InstanceOf<ArgumentException>());
    }

    [Test]
    public void LayersOfAModelShareAStreamOfItsSeed()
    {
        TwoLayers model;
        using (Initialization.Begin(seed: 42, Device))
            model = new TwoLayers();
        Assert.That(DropoutStream.Of(model), Has.Count.EqualTo(1));
        Assert.That(DropoutStream.Of(model)[0].Seed, Is.EqualTo(42));
        using var scope = Scope.Begin();
        Tensor x = Ones([64]);
        model.Call(x);
        Assert.That(DropoutStream.Of(model)[0].Calls, Is.EqualTo(2));
        model.Train(false);
        Assert.That(model.Call(x).ToArray<float>(), Is.All.EqualTo(1f));
        Assert.That(DropoutStream.Of(model)[0].Calls, Is.EqualTo(2));
    }

    sealed class TwoLayers : Module
    {
        readonly Dropout first, second;

        public TwoLayers()
        {
            first = Register("first", new Dropout(0.5));
            second = Register("second", new Dropout(0.25));
        }

        protected override Tensor Forward(Tensor x) => second.Call(first.Call(x));
    }
}
