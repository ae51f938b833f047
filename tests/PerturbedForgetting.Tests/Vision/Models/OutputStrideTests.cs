using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

[TestFixture]
sealed class OutputStrideTests
{
    [TestCase(32, new[] { 4, 4 })]
    [TestCase(16, new[] { 8, 8 })]
    [TestCase(8, new[] { 16, 16 })]
    public void OutputStrideDilatesInsteadOfStriding(int stride, int[] expected)
    {
        using var scope = Scope.Begin();
        using var undefined = Initialization.BeginUndefined();
        var model = ModelRegistry.Create("resnet50", new()
        {
            Kwargs = new Dictionary<string, string>
            { ["layers"] = "[1,1,2,2]", ["output_stride"] = $"{stride}" },
            ImageSize = 128
        });
        int[]? shape = null;
        model.Observer = (name, output) => shape = name == "layer4" ? output.Shape.ToArray() : shape;
        model.Train(false);
        using var noGrad = GradMode.NoGrad();
        model.Call(Tensor.Zeros([1, 128, 128, 3]));
        Assert.That(shape![1..3], Is.EqualTo(expected));
        Assert.That(ModelSummary.Of(model).Layers[^2].Output.ToArray(), Is.EqualTo(shape[1..]));
    }
}
