using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Tensors that a caller gets from a model stay that tensor, however many others are made and given back meanwhile.</summary>
[TestFixture]
sealed class KeptTensorTests
{
    const int Pixels = 16;

    [Test]
    public void LogitsAreTheCallers([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        using var initialization = Initialization.Begin(3);
        var model = ModelRegistry.Create(name, new() { ImageSize = Pixels, NumClasses = 5 });
        model.Classifier.Weight.CopyFrom(initialization.Normal(model.Classifier.Weight.Shape, 1));
        using var images = initialization.Normal([2, Pixels, Pixels, 3], 1);
        using var labels = Tensor.Persistent([2], DType.Int32).CopyFrom<int>([1, 4]);
        Tensor kept, lost;
        using (var scope = Scope.Begin())
        {
            kept = scope.Return(model.Call(images));
            lost = model.Call(images);
        }
        float[] before = kept.ToArray<float>();
        for (int i = 0; i < 3; i++)
        {
            using var scope = Scope.Begin();
            Tensor first = model.Call(images), second = model.Call(Ops.Scale(images, 2));
            Assert.That(first, Is.Not.SameAs(kept).And.Not.SameAs(lost));
            Ops.CrossEntropy(second, labels).Backward();
            Assert.That(first.ToArray<float>(), Is.Not.EqualTo(second.ToArray<float>()));
            Assert.That(first.Shape.ToArray(), Is.EqualTo(new[] { 2, 5 }));
        }
        Assert.That(kept.ToArray<float>(), Is.EqualTo(before));
        Assert.That(() => kept.Backward(kept), Throws.InvalidOperationException.With.Message.Contains("scope"));
        Assert.That(() => lost.ToArray<float>(), Throws.InstanceOf<ObjectDisposedException>());
        kept.Dispose();
    }

    [Test]
    public void WhatAnObserverHasSeenIsNeverAnotherTensor([Values("resnet20", "vit_tiny_patch4_32")] string name)
    {
        using var initialization = Initialization.Begin(3);
        var model = ModelRegistry.Create(name, new() { ImageSize = Pixels, NumClasses = 5 });
        using var images = initialization.Normal([2, Pixels, Pixels, 3], 1);
        List<Tensor> seen = [];
        model.Observer = (_, tensor) => seen.Add(tensor);
        using (Scope.Begin())
            model.Call(images);
        model.Observer = null;
        for (int i = 0; i < 3; i++)
        {
            using var scope = Scope.Begin();
            Ops.Sum(model.Call(images)).Backward();
            // While the objects of this step are in use.
            foreach (var tensor in seen)
                Assert.That(() => tensor.Address, Throws.InstanceOf<ObjectDisposedException>());
        }
        Assert.That(seen, Has.Count.GreaterThan(3));
    }
}
