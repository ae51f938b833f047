using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.Memory;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ScopeTests(string device) : DeviceFixture(device)
{
    [Test]
    public void ATensorIsGoneWithItsScope()
    {
        Tensor tensor, view;
        using (Scope.Begin())
        {
            tensor = Ones([3, 4]);
            view = tensor.Detach();
        }
        foreach (Tensor t in new[] { tensor, view })
        {
            Assert.That(() => t.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>().With.Message.Contains("[3, 4]")
                .And.Message.Contains("scope"));
            Assert.That(() => Ops.Relu(t), Throws.TypeOf<ObjectDisposedException>());
        }
        using Tensor next = Zeros([3, 4]);
        Assert.That(() => tensor.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>(), "also when the memory has a new owner");
    }

    [Test]
    public void ReturnHandsTheResultThroughNestedScopes()
    {
        long before = Device.Memory.Live;
        Tensor result;
        using (Scope.Begin())
        {
            Tensor middle = Middle();
            Assert.That(middle.ToArray<float>(), Is.All.EqualTo(2));
            using var inner = Scope.Begin();
            result = inner.Return(middle);
            Assert.That(Middle().ToArray<float>(), Is.All.EqualTo(2));
        }
        Assert.That(() => result.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>(),
            "returning what an outer scope owns changes nothing");
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
        result = Middle();
        Assert.That(result.ToArray<float>(), Is.All.EqualTo(2), "without a scope outside the caller owns it");
        result.Dispose();
        Assert.That(Device.Memory.Live, Is.EqualTo(before));

        Tensor Middle()
        {
            using var outer = Scope.Begin();
            using var inner = Scope.Begin();
            Zeros([5]);
            return outer.Return(inner.Return(Ones([5]).Fill(2)));
        }
    }

    [Test]
    public void ReplaceGivesBackWhatTheInnermostScopeOwnsAlone()
    {
        using var outer = Scope.Begin();
        Tensor kept = Ones([7]);
        using var inner = Scope.Begin();
        Tensor old = Ones([5]), view = old.Detach();
        Assert.That(Scope.Replace(old, view), Is.SameAs(view));
        Assert.That(view.ToArray<float>(), Is.All.EqualTo(1), "shared memory stays");
        Tensor next = Ones([5]);
        Assert.That(Scope.Replace(old, next), Is.SameAs(next));
        Assert.That(() => old.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>());
        Scope.Replace(kept, next);
        Assert.That(kept.ToArray<float>(), Is.All.EqualTo(1), "the outer scope's tensors are not the inner one's to give");
        Assert.That(next.ToArray<float>(), Is.All.EqualTo(1));
    }

    [Test]
    public void ReplaceLeavesWhatTheTapeNeeds()
    {
        using var scope = Scope.Begin();
        var x = new Parameter(From(new[] { 2f, -1f }, [2]));
        Tensor first = Ops.Relu(x);
        Tensor second = Scope.Replace(first, Ops.Mul(first, first));
        second.Backward(Ones([2]));
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 4f, 0f }));
    }

    [Test]
    public void ScopesCloseInReverseOrder()
    {
        var outer = Scope.Begin();
        var inner = Scope.Begin();
        Assert.That(outer.Dispose, Throws.InvalidOperationException.With.Message.Contains("still open"));
        inner.Dispose();
        outer.Dispose();
    }

    [Test]
    public void PersistentTensorsOutliveScopes()
    {
        Tensor kept;
        using (Scope.Begin())
            kept = Persistent([4]).Fill(3);
        Assert.That(kept.ToArray<float>(), Is.All.EqualTo(3));
        kept.Dispose();
        Assert.That(() => kept.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(kept.Dispose, Throws.Nothing, "a second time does nothing");
    }

    [Test]
    public void AStepGivesBackAllItsMemory()
    {
        var net = new Sequential(new Conv2d(3, 8, 3, padding: 1, bias: false), new BatchNorm2d(8), new MaxPool2d(2), new Conv2d(8, 4, 1));
        using var arena = new ParameterArena(net);
        using Tensor images = GradientCheck.Normal([4, 6, 6, 3], 1);
        long before = Device.Memory.Live;
        for (int step = 0; step < 3; step++)
        {
            Step();
            Assert.That(Device.Memory.Live, Is.EqualTo(before), $"step {step}");
        }
        long cached = Device.Memory.Cached;
        Step();
        Assert.That(Device.Memory.Cached, Is.EqualTo(cached), "every block of a step is one of the step before");

        void Step()
        {
            using var scope = Scope.Begin();
            Tensor pooled = Ops.GlobalAvgPool2d(net.Call(images));
            pooled.Backward(Ones(pooled.Shape));
            arena.ClearGradients();
        }
    }

    [Test]
    public void AGraphThatIsDroppedIsFreedWithTheOutermostScope()
    {
        var fc = new Linear(4, 4);
        using Tensor x = Ones([2, 4]);
        long before = Device.Memory.Live;
        using (Scope.Begin())
        {
            for (int i = 0; i < 3; i++)
                Ops.Relu(fc.Call(Ops.Relu(fc.Call(x))));
            Assert.That(Device.Memory.Live, Is.GreaterThan(before));
        }
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }

    [Test]
    public void WithoutGradientsNothingIsKept()
    {
        var fc = new Linear(4, 4);
        using var scope = Scope.Begin();
        Tensor x = Ones([2, 4]);
        using (GradMode.NoGrad())
        {
            long before = Device.Memory.Live;
            using (Scope.Begin())
                Assert.That(Ops.Relu(fc.Call(fc.Call(x))).RequiresGrad, Is.False);
            Assert.That(Device.Memory.Live, Is.EqualTo(before));
            Assert.That(GradMode.Enabled, Is.False);
        }
        Assert.That(GradMode.Enabled, Is.True);
        Assert.That(fc.Call(x).RequiresGrad, Is.True);
    }

    [Test]
    public void ScopesOfThreadsAreTheirOwn()
    {
        using var scope = Scope.Begin();
        Tensor? other = null;
        var thread = new Thread(() =>
        {
            using var own = Scope.Begin();
            other = Ones([2]);
        });
        Tensor mine = Ones([2]);
        thread.Start();
        thread.Join();
        Assert.That(() => other!.ToArray<float>(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(mine.ToArray<float>(), Is.All.EqualTo(1));
    }
}
