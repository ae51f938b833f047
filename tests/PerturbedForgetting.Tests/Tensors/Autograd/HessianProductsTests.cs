using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.Autograd;

/// <summary>What <see cref="HessianProducts"/> takes, refuses, and leaves as it is.</summary>
sealed class HessianProductsTests
{
    sealed class TwoLayers : Module
    {
        public readonly Linear First = new(3, 4), Second = new(4, 2);
        public readonly BatchNorm2d Norm = new(4);

        public TwoLayers()
        {
            Register("first", First);
            Register("norm", Norm);
            Register("second", Second);
        }

        protected override Tensor Forward(Tensor x) => Second.Call(Ops.Relu(Norm.Call(First.Call(x))));
    }

    readonly Tensor images = GradientCheck.Normal([5, 3], 8, DType.Float64, Device.Cpu), labels = Tensor.From([0, 1, 1, 0, 1], [5]);
    TwoLayers model = null!;

    [SetUp]
    public void MakeTheModel()
    {
        using var exact = Initialization.Begin(2, type: DType.Float64);
        model = new TwoLayers();
        model.Train(false);
    }

    Tensor Loss() => Ops.CrossEntropy(model.Call(images), labels);

    /// <summary>A frozen layer has no part in the Hessian, whatever the vector has there; the rest of it is as before.</summary>
    [Test]
    public void FrozenParametersHaveNoPart()
    {
        using var all = new HessianCheck(model, Loss);
        var frozen = all.Arena.Segments.Single(static s => s.Name == "first.weight");
        double[] v = all.Direction(4), zero = [.. v];
        zero.AsSpan((int)frozen.Offset, (int)frozen.Count).Clear();
        double[] expected = all.Multiply(zero)[0];
        expected.AsSpan((int)frozen.Offset, (int)frozen.Count).Clear();
        model.First.Weight.IsTrainable = false;
        Assert.That(all.Multiply(v)[0], Is.EqualTo(expected).Within(1e-15));
        Assert.That(expected.Max(Math.Abs), Is.GreaterThan(0.01));
    }

    /// <summary>Weights of losses are factors of their Hessians, and what no loss depends on gets zeros.</summary>
    [Test]
    public void LossesAddUp()
    {
        using var check = new HessianCheck(model, Loss);
        Tensor v = check.Arena.NewBuffer(), hv = check.Arena.NewBuffer();
        HessianCheck.Write(v, check.Direction(4));
        foreach (var segment in check.Arena.Segments)
            ParameterArena.Slice(hv, segment).Fill(7);
        var products = new HessianProducts(check.Arena, [v], [hv]);
        using (Scope.Begin())
        using (GradMode.SecondOrder())
        {
            products.Add(Loss(), 0.75);
            products.Add(Loss(), -0.5);
        }
        products.Complete();
        Assert.That(hv.ToArray<double>(), Is.EqualTo(check.Multiply(check.Direction(4))[0].Select(static x => x / 4)).Within(1e-14));
        new HessianProducts(check.Arena, [v], [hv]).Complete();
        Assert.That(hv.ToArray<double>(), Has.All.EqualTo(0));
    }

    /// <summary>Weights that are large beside their batch: both terms of their products are summed before they are written.</summary>
    [Test]
    public void LargeWeightsAreDifferentiated()
    {
        using (Initialization.Begin(2, type: DType.Float64))
        {
            var network = new Sequential(new Conv2d(3, 9, 3, padding: 1), new Conv2d(9, 14, 3, padding: 1));
            var head = new Sequential(new Linear(14, 50), new Linear(50, 40));
            var both = new Sequential(network, head);
            Tensor x = GradientCheck.Normal([1, 2, 1, 3], 3, DType.Float64, Device.Cpu), label = Tensor.From([7], [1]);
            using var check = new HessianCheck(both, () =>
            {
                Tensor features = Ops.GlobalAvgPool2d(Ops.Gelu(network.Call(x)));
                var hidden = (Linear)head[0];
                return Ops.CrossEntropy(head[1].Call(Ops.LinearGelu(features, hidden.Weight, hidden.Bias)), label);
            });
            double[] v = check.Direction(6), product = check.Multiply(v)[0];
            Assert.That(product, Is.EqualTo(check.Difference(v)).Within(1e-6 * HessianCheck.Largest(product)));
        }
    }

    [Test]
    public void WhatHasNoSecondDerivativeIsNamed()
    {
        using var check = new HessianCheck(model, Loss);
        model.Train();
        Assert.That(() => check.Multiply(check.Direction(1)),
            Throws.TypeOf<NotSupportedException>().With.Message.Contain("evaluation mode"));
        model.Train(false);
        Assert.That(() => Product(check, () => Ops.OutputBiasForget(model.Call(images), labels, 2, 1)),
            Throws.TypeOf<NotSupportedException>().With.Message.Contain("no Hessian"));
        Assert.That(() => Product(check, () => Ops.CrossEntropy(images, labels)),
            Throws.InvalidOperationException.With.Message.Contain("no trainable parameter"));
        Assert.That(() => Product(check, () => model.Call(images)), Throws.ArgumentException.With.Message.Contain("a scalar"));
        using var scope = Scope.Begin();
        Tensor loss = Loss();
        Assert.That(() => Product(check, () => loss), Throws.InvalidOperationException.With.Message.Contain("SecondOrder"));
        // A pass that failed leaves nothing behind.
        Assert.That(check.Multiply(check.Direction(1))[0], Is.EqualTo(check.Difference(check.Direction(1))).Within(1e-8));
    }

    [Test]
    public void BuffersAreChecked()
    {
        using var check = new HessianCheck(model, Loss);
        Tensor a = check.Arena.NewBuffer(), b = check.Arena.NewBuffer();
        Assert.That(() => new HessianProducts(check.Arena, [], []), Throws.ArgumentException);
        Assert.That(() => new HessianProducts(check.Arena, [a], [a]), Throws.ArgumentException.With.Message.Contain("of its own"));
        Assert.That(() => new HessianProducts(check.Arena, [a, a], [b, b]), Throws.ArgumentException.With.Message.Contain("of its own"));
        Assert.That(() => new HessianProducts(check.Arena, [images], [b]), Throws.ArgumentException.With.Message.Contain("layout"));
    }

    static void Product(HessianCheck check, Func<Tensor> loss)
    {
        Tensor v = check.Arena.NewBuffer(), hv = check.Arena.NewBuffer();
        using var scope = Scope.Begin();
        // The mode is the caller's, who may have forgotten it.
        new HessianProducts(check.Arena, [v.Fill(1)], [hv]).Add(loss());
    }
}
