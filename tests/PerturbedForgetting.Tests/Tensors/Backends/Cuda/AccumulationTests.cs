using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Tensors.OpsTests;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cuda;

/// <summary>Gradients that are added where they are made, on the software GPU, with NVIDIA's libraries and without.</summary>
[TestFixture(true)]
[TestFixture(false)]
sealed class AccumulationTests(bool hasLibraries)
{
    Device device = null!;
    SimulatedDriver driver = null!;

    [SetUp]
    public void Open()
    {
        driver = new SimulatedDriver(hasLibraries ? new() : new() { CublasVersion = null, CublasLtVersion = null, CudnnVersion = null });
        device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", new DeviceOptions { AllowTf32 = false }, driver);
    }

    [TearDown]
    public void Close() => device.Dispose();

    [TestCase(1, 1, 0, 1, TestName = "pointwise")]
    [TestCase(3, 1, 1, 1, TestName = "windows")]
    [TestCase(3, 2, 1, 1, TestName = "stride")]
    [TestCase(1, 2, 0, 1, TestName = "pixels left out")]
    [TestCase(3, 1, 1, 2, TestName = "groups")]
    [TestCase(2, 2, 0, 1, TestName = "patches")]
    public void AConvolutionAddsToAGradient(int kernel, int stride, int padding, int groups)
    {
        var geometry = new Conv2dGeometry(stride, padding, 1, groups);
        int height = ((4 + (2 * padding) - kernel) / stride) + 1, width = ((6 + (2 * padding) - kernel) / stride) + 1;
        ulong seed = (ulong)Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        float[][] inputs = [Values([2, 4, 6, 8], seed), Values([2, height, width, 4], seed + 1),
            Values([4, kernel, kernel, 8 / groups], seed + 2)];
        float[] expected = Run(Device.Cpu), actual = Run(device);
        // At most 36 products of normal numbers, and the start.
        Assert.That(actual, Is.EqualTo(expected).Within(2e-5));
        Assert.That(actual, Is.Not.EqualTo(inputs[0]));

        float[] Run(Device on)
        {
            using var scope = Scope.Begin();
            Tensor dx = On(on, [2, 4, 6, 8], inputs[0]);
            on.Backend.Conv2dBackwardInput(On(on, [2, height, width, 4], inputs[1]), On(on, [4, kernel, kernel, 8 / groups], inputs[2]),
                geometry, dx, accumulate: true);
            return dx.ToArray<float>();
        }
    }

    /// <summary>What the parts of a transformer do with a residual stream: sums are made by the norms, gradients added by them, and no
    /// launch does nothing but add.</summary>
    [Test]
    public void AResidualStreamNeedsNoLaunchThatAdds()
    {
        Shape shape = [2, 5, 12], square = [12, 12], vector = [12];
        float[][] values = [Values(shape, 1), Values(square, 2), Values(vector, 3), Values(vector, 4), Values(shape, 5)];
        List<float[]> expected = Run(Device.Cpu);
        driver.ResetCounters();
        List<float[]> actual = Run(device);
        Assert.That(driver.Counters.Keys, Has.None.Contains("elementwise").And.Some.StartsWith("layer_norm_backward"));
        for (int i = 0; i < expected.Count; i++)
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(2e-4), $"result {i}");

        List<float[]> Run(Device on)
        {
            using var scope = Scope.Begin();
            var parameters = new Parameter[4];
            for (int i = 0; i < 4; i++)
                parameters[i] = new Parameter(On(on, i == 0 ? shape : i == 1 ? square : vector, values[i]));
            Tensor x = Ops.Linear(parameters[0], parameters[1]), normal = Ops.LayerNorm(x, parameters[2], parameters[3], 1e-2);
            for (int block = 0; block < 3; block++)
                (x, normal) = Ops.AddLayerNorm(x, Ops.Linear(normal, parameters[1]), parameters[2], parameters[3], 1e-2);
            normal.Backward(On(on, shape, values[4]));
            return [normal.ToArray<float>(), .. parameters.Select(p => p.Grad!.ToArray<float>())];
        }
    }

    static float[] Values(Shape shape, ulong seed)
    {
        using Parameter values = OpsTesting.Normal(shape, seed);
        return values.ToArray<float>();
    }

    static Tensor On(Device device, Shape shape, float[] values) => Tensor.Empty(shape, DType.Float32, device).CopyFrom<float>(values);
}
