using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Tensors;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Products with the Hessians of whole models in evaluation mode: float64 on the CPU against finite differences of gradients,
/// float32 on every device against float64.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ModelHessianTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TestCaseData> Models => TinyImageModels.All();

    [TestCaseSource(nameof(Models))]
    public void ProductsAreExact(Func<ImageModel> make)
    {
        using HessianCheck exact = Make(make, DType.Float64, Device.Cpu);
        double[] u = exact.Direction(5), v = exact.Direction(500);
        double[][] expected = exact.Multiply(u, v);
        double largest = expected.Max(HessianCheck.Largest);
        if (Device == Device.Cpu)
        {
            for (int i = 0; i < 2; i++)
                Assert.That(expected[i], Is.EqualTo(exact.Difference(i == 0 ? u : v)).Within(1e-6 * largest));
            double there = HessianCheck.Dot(v, expected[0]), back = HessianCheck.Dot(u, expected[1]);
            double size = Math.Sqrt(HessianCheck.Dot(v, v) * HessianCheck.Dot(expected[0], expected[0]));
            Assert.That(there, Is.EqualTo(back).Within(1e-13 * size));
            Assert.That(exact.Multiply(v)[0], Is.EqualTo(expected[1]), "a block's vectors do not see each other");
        }
        using HessianCheck rounded = Make(make, DType.Float32, Device);
        double[][] actual = rounded.Multiply(rounded.Direction(5), rounded.Direction(500));
        for (int i = 0; i < 2; i++)
        {
            foreach (var (wide, narrow) in exact.Arena.Segments.Zip(rounded.Arena.Segments))
            {
                // As for gradients of models: the criterion of one operation, for every one of at most twenty on the way, which a second
                // differentiation goes twice.
                Assert.That(actual[i].AsSpan((int)narrow.Offset, (int)narrow.Count).ToArray(),
                    Is.EqualTo(expected[i].AsSpan((int)wide.Offset, (int)wide.Count).ToArray()).Within(40 * 4e-6 * largest), wide.Name);
            }
        }
    }

    static HessianCheck Make(Func<ImageModel> make, DType type, Device device)
    {
        ImageModel model;
        using (Initialization.Begin(3, device, type))
            model = make();
        TinyImageModels.Randomize(model, 11, scale: 1);
        model.Train(false);
        Tensor images = TinyImageModels.Images(type, device), labels = Tensor.From([2, 0], [2], device);
        return new HessianCheck(model, () => Ops.CrossEntropy(model.Call(images), labels, 0.1));
    }
}
