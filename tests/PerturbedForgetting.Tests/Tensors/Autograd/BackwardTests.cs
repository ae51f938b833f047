using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.Autograd;

[TestFixture]
sealed class BackwardTests
{
    [Test]
    public void AGraphServesOneBackwardPass()
    {
        using var scope = Scope.Begin();
        var weight = new Parameter(Tensor.Ones([1, 3]));
        Tensor y = Ops.Linear(Tensor.Ones([1, 3]), weight);
        y.Backward();
        Assert.That(weight.Grad!.ToArray<float>(), Is.All.EqualTo(1));
        Assert.That(() => y.Backward(), Throws.InvalidOperationException.With.Message.Contains("again"));
        Tensor hidden = Ops.Linear(Tensor.Ones([1, 3]), weight);
        Ops.Relu(hidden).Backward();
        Assert.That(() => Ops.Add(hidden, hidden).Backward(), Throws.InvalidOperationException, "nor a part of one");
    }

    [Test]
    public void AGraphLivesAsLongAsTheOutermostScope()
    {
        var fc = new Linear(3, 1);
        using Tensor x = Tensor.Ones([1, 3]), y = fc.Call(x);
        Assert.That(() => y.Backward(), Throws.InvalidOperationException.With.Message.Contains("scope"));
    }

    [Test]
    public void OnlyAScalarStartsByItself()
    {
        using var scope = Scope.Begin();
        var x = new Parameter(Tensor.Ones([2]));
        Assert.That(() => Ops.Relu(x).Backward(), Throws.InvalidOperationException.With.Message.Contains("[2]"));
        Assert.That(() => Tensor.Ones([1]).Backward(), Throws.InvalidOperationException.With.Message.Contains("trainable"));
    }

    [Test]
    public void GradientsAddUpUntilTheyAreCleared()
    {
        using var scope = Scope.Begin();
        var fc = new Linear(2, 1);
        for (int pass = 1; pass <= 3; pass++)
        {
            fc.Call(Tensor.From(new float[] { 2, 3 }, [1, 2])).Backward();
            Assert.That(fc.Weight.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 2 * pass, 3 * pass }));
            Assert.That(fc.Bias!.Grad!.ToArray<float>(), Is.EqualTo(new float[] { pass }));
        }
        fc.Weight.ClearGrad();
        fc.Call(Tensor.From(new float[] { 5, 7 }, [1, 2])).Backward();
        Assert.That(fc.Weight.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 5, 7 }));
        Assert.That(fc.Bias!.Grad!.ToArray<float>(), Is.EqualTo(new float[] { 4 }));
    }

    [Test]
    public void AFrozenParameterGetsNoGradientAndPassesItOn()
    {
        using var scope = Scope.Begin();
        Linear first = new(2, 2), second = new(2, 1);
        second.Weight.IsTrainable = false;
        second.Call(first.Call(Tensor.Ones([1, 2]))).Backward();
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

    [Test]
    public void ABranchThatLeadsNowhereIsFreed()
    {
        var fc = new Linear(3, 3);
        using Tensor x = Tensor.Ones([1, 3]);
        using (Scope.Begin())
            fc.Call(x).Backward(x);
        long before = Device.Cpu.Memory.Live;
        using (Scope.Begin())
        {
            Tensor h = fc.Call(x);
            Ops.Relu(h);
            Ops.Mul(h, h).Backward(x);
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(before));
    }
}
