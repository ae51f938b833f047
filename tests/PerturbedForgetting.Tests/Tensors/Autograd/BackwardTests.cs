using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tests.Tensors.Autograd;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class BackwardTests(string device) : DeviceFixture(device)
{
    [Test]
    public void AGraphServesOneBackwardPass()
    {
        using var scope = Scope.Begin();
        var weight = new Parameter(Ones([1, 3]));
        Tensor y = Ops.Linear(Ones([1, 3]), weight);
        y.Backward();
        Assert.That(weight.Grad!.ToArray<float>(), Is.All.EqualTo(1));
        Assert.That(() => y.Backward(), Throws.InvalidOperationException.With.Message.Contains("again"));
        Tensor hidden = Ops.Linear(Ones([1, 3]), weight);
        Ops.Relu(hidden).Backward();
        Assert.That(() => Ops.Add(hidden, hidden).Backward(), Throws.InvalidOperationException, "nor a part of one");
    }

    [Test]
    public void AGraphLivesAsLongAsTheOutermostScope()
    {
        var fc = new Linear(3, 1);
        using Tensor x = Ones([1, 3]), y = fc.Call(x);
        Assert.That(() => y.Backward(), Throws.InvalidOperationException.With.Message.Contains("scope"));
    }

    [Test]
    public void ATensorKeptBeyondItsScopeNeverMeetsTheGraphOfAnother()
    {
        var weight = new Parameter(Ones([3]));
        using var kept = new Leftovers(weight);
        using var scope = Scope.Begin();
        // As many nodes of that kind as were given back.
        Tensor[] others = [.. Enumerable.Range(0, 4).Select(_ => Ops.Relu(weight))];
        Assert.That(() => kept.Returned.Backward(Ones([3])), Throws.InvalidOperationException.With.Message.Contains("scope"));
        Assert.That(() => Ops.Relu(kept.Returned).Backward(Ones([3])), Throws.InvalidOperationException.With.Message.Contains("scope"),
            "as an input");
        Assert.That(kept.Returned.RequiresGrad, "it was made from a parameter");
        Assert.That(() => kept.Lost.ToArray<float>(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(weight.HasGrad, Is.False);
        others[^1].Backward(Ones([3]));
        Assert.That(weight.Grad!.ToArray<float>(), Is.All.EqualTo(1));
    }

    [Test]
    public void AfterAPassThatFailedItsGraphIsGone()
    {
        using var scope = Scope.Begin();
        var weight = new Parameter(Ones([3]));
        Tensor trunk = Ops.Scale(weight, 2), first = Ops.Relu(trunk), second = Ops.Sigmoid(trunk);
        var failure = new FailingListener("Scale backward");
        Ranges.Add(failure);
        try
        {
            Assert.That(() => first.Backward(Ones([3])), Throws.InstanceOf<TimeoutException>());
        }
        finally
        {
            Ranges.Remove(failure);
        }
        Assert.That(() => second.Backward(Ones([3])), Throws.InvalidOperationException, "half a gradient has arrived at the trunk");
    }

    [Test]
    public void AGradientHasTheShapeOfWhatItIsTheGradientOf()
    {
        using var scope = Scope.Begin();
        var y = Ops.Relu(new Parameter(Ones([2, 3])));
        Assert.That(() => y.Backward(Ones([2, 2])), Throws.ArgumentException.With.Message.Contains("[2, 3]"));
        Assert.That(() => y.Backward(Zeros([2, 3], DType.Int32)), Throws.ArgumentException.With.Message.Contains("Int32"));
    }

    [Test]
    public void OnlyAScalarStartsByItself()
    {
        using var scope = Scope.Begin();
        var x = new Parameter(Ones([2]));
        Assert.That(() => Ops.Relu(x).Backward(), Throws.InvalidOperationException.With.Message.Contains("[2]"));
        Assert.That(() => Ones([1]).Backward(), Throws.InvalidOperationException.With.Message.Contains("trainable"));
    }

    [Test]
    public void GradientsAddUpUntilTheyAreCleared()
    {
        using var scope = Scope.Begin();
        var fc = new Linear(2, 1);
        for (int pass = 1; pass <= 3; pass++)
        {
            fc.Call(From(new float[] { 2, 3 }, [1, 2])).Backward();
            Assert.That(fc.Weight.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 2 * pass, 3 * pass }));
            Assert.That(fc.Bias!.Grad!.ToArray<float>(), Is.EqualTo(new float[] { pass }));
        }
        fc.Weight.ClearGrad();
        fc.Call(From(new float[] { 5, 7 }, [1, 2])).Backward();
        Assert.That(fc.Weight.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 5, 7 }));
        Assert.That(fc.Bias!.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 4 }));
    }

    [Test]
    public void AFrozenParameterGetsNoGradientAndPassesItOn()
    {
        using var scope = Scope.Begin();
        Linear first = new(2, 2), second = new(2, 1);
        second.Weight.IsTrainable = false;
        second.Call(first.Call(Ones([1, 2]))).Backward();
        Assert.That(second.Weight.Grad, Is.Null);
        Assert.That(second.Bias!.Grad!.ToArray<float>(), Is.All.EqualTo(1));
        float[] expected = second.Weight.ToArray<float>();
        Assert.That(first.Bias!.Grad!.ToArray<float>(), Is.EqualTo(expected));
    }

    [Test]
    public void AResultThatIsUsedManyTimesGathersAllGradients() =>
        GradientCheck.Run(x =>
        {
            Tensor h = Ops.Linear(x[0], x[1]);
            Tensor left = Ops.Relu(h), right = Ops.Mul(h, h);
            return Ops.Add(Ops.Add(left, right), Ops.Add(h, h));
        }, [3, 4], [5, 4]);

    /// <summary>Operations whose backward pass adds to a gradient that has arrived, as the second, third and only user of a result, and of
    /// one whose gradient others see.</summary>
    [TestCaseSource(nameof(Accumulating))]
    public void AGradientThatHasArrivedIsAddedTo(Func<Tensor, Tensor> use)
    {
        Shape shape = [2, 3, 3, 4], weight = [4, 4];
        // Diamonds; three and four uses; a gradient shared by both terms of a sum, and by a view.
        foreach (Func<Tensor, Tensor> graph in (Func<Tensor, Tensor>[])
            [
                h => Ops.Add(use(h), Ops.Mul(h, h)),
                h => Ops.Add(Ops.Mul(h, h), use(h)),
                h => Ops.Add(use(h), use(h)),
                h => Ops.Add(Ops.Add(use(h), h), use(use(h))),
                h => Ops.Add(h, use(Ops.Add(h, use(h)))),
                h => Ops.Add(use(h), Ops.Reshape(Ops.Add(Ops.Reshape(h, [6, 12]), Ops.Reshape(use(h), [6, 12])), h.Shape)),
            ])
            GradientCheck.Run(x => graph(Ops.Linear(x[0], x[1])), shape, weight);
    }

    static IEnumerable<TestCaseData> Accumulating()
    {
        yield return Case("matrix product", h => Ops.MatMul(h, Of(h, [4, 4], 1)));
        yield return Case("products", h => Ops.MatMul(h, Of(h, [2, 3, 4, 4], 6)));
        yield return Case("linear", h => Ops.Linear(h, Of(h, [4, 4], 1), Of(h, [4], 2)));
        yield return Case("linear and gelu", h => Ops.LinearGelu(h, Of(h, [4, 4], 1), Of(h, [4], 2)));
        yield return Case("layer norm", h => Ops.LayerNorm(h, Of(h, [4], 2), Of(h, [4], 2), 1e-2));
        yield return Case("sum and layer norm", h => Ops.AddLayerNorm(h, h, Of(h, [4], 2), Of(h, [4], 2), 1e-2).Normal);
        yield return Case("pointwise convolution", h => Ops.Conv2d(h, Of(h, [4, 1, 1, 4], 1)));
        yield return Case("convolution", h => Ops.Conv2d(h, Of(h, [4, 3, 3, 4], 3), padding: 1));
        yield return Case("convolution in groups, dilated", h => Ops.Conv2d(h, Of(h, [4, 2, 2, 2], 4), padding: 1, dilation: 2, groups: 2));
        yield return Case("convolution with a stride", h => Ops.Conv2d(h, Of(h, [4, 2, 2, 4], 5), stride: 2, padding: 2));
        yield return Case("convolution that leaves pixels out", h => Ops.Conv2d(h, Of(h, [4, 1, 1, 4], 1), stride: 2, padding: 1));
        yield return Case("relu", Ops.Relu);

        static Tensor Of(Tensor h, Shape shape, ulong seed) => GradientCheck.Normal(shape, seed, h.DType, h.Device);

        static TestCaseData Case(string name, Func<Tensor, Tensor> use) => new TestCaseData(use).SetArgDisplayNames(name);
    }

    [Test]
    public void ABranchThatLeadsNowhereIsFreed()
    {
        var fc = new Linear(3, 3);
        using Tensor x = Ones([1, 3]);
        using (Scope.Begin())
            fc.Call(x).Backward(x);
        long before = Device.Memory.Live;
        using (Scope.Begin())
        {
            Tensor h = fc.Call(x);
            Ops.Relu(h);
            Ops.Mul(h, h).Backward(x);
        }
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }

    /// <summary>Two results of a scope that has ended: one that it returned, and one that it did not.</summary>
    sealed class Leftovers : IDisposable
    {
        public Leftovers(Parameter weight)
        {
            using var scope = Scope.Begin();
            Lost = Ops.Relu(weight);
            Returned = scope.Return(Ops.Relu(weight));
        }

        public Tensor Lost { get; }

        public Tensor Returned { get; }

        public void Dispose() => Returned.Dispose();
    }

    sealed class FailingListener(string operation) : IRangeListener
    {
        public void Push(RangeKind kind, string name)
        {
            if (name == operation)
                throw new TimeoutException();
        }

        public void Pop()
        {
        }
    }
}
