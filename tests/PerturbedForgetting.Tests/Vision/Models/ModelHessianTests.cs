using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Tensors;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>Products with the Hessians of whole models in evaluation mode: in float64 against finite differences of gradients.</summary>
sealed class ModelHessianTests
{
    static IEnumerable<TestCaseData> Models => TinyImageModels.All();

    [TestCaseSource(nameof(Models))]
    public void ProductsAreTheDifferences(Func<ImageModel> make)
    {
        using HessianCheck exact = Make(make, DType.Float64, Device.Cpu);
        double[] u = exact.Direction(5), v = exact.Direction(500);
        double[][] products = exact.Multiply(u, v);
        double largest = products.Max(HessianCheck.Largest);
        // Of the differences: their step squared times third derivatives, and roundings divided by it.
        Assert.That(products[0], Is.EqualTo(exact.Difference(u)).Within(1e-6 * largest));
        Assert.That(products[1], Is.EqualTo(exact.Difference(v)).Within(1e-6 * largest));
        double there = HessianCheck.Dot(v, products[0]), back = HessianCheck.Dot(u, products[1]);
        double size = Math.Sqrt(HessianCheck.Dot(v, v) * HessianCheck.Dot(products[0], products[0]));
        Assert.That(there, Is.EqualTo(back).Within(1e-13 * size), "v · H u = u · H v");
        Assert.That(exact.Multiply(v)[0], Is.EqualTo(products[1]), "a block's vectors do not see each other");
    }

    /// <summary>A model's loss on two images.</summary>
    public static HessianCheck Make(Func<ImageModel> make, DType type, Device device)
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

/// <summary>The same products in float32 near those in float64, on every device.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ModelHessianOnDevicesTests(string device) : DeviceFixture(device)
{
    /// <summary>A bottleneck, max pooling behind a deep stem, and a transformer; all where all are asked for.</summary>
    static readonly int[] chosen = [2, 6, 8];

    static IEnumerable<TestCaseData> Models => TinyImageModels.All()
        .Where(static (_, i) => EnvironmentVariables.AllTests.Value == "1" || chosen.Contains(i));

    [TestCaseSource(nameof(Models))]
    public void ProductsAreThoseOfFloat64(Func<ImageModel> make)
    {
        using HessianCheck exact = ModelHessianTests.Make(make, DType.Float64, Device.Cpu),
            rounded = ModelHessianTests.Make(make, DType.Float32, Device);
        double[][] expected = exact.Multiply(exact.Direction(5), exact.Direction(500)),
            actual = rounded.Multiply(rounded.Direction(5), rounded.Direction(500));
        double largest = expected.Max(HessianCheck.Largest);
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
}
