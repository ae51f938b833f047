using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>What is found of the Hessians of the reference's tiny models, against their exact spectra.</summary>
/// <param name="device">Where products are made.</param>
/// <param name="reference">The Hessian.</param>
[TestFixtureSource(nameof(Cases))]
sealed class ReferenceSpectrumTests(string device, ReferenceHessian reference) : DeviceFixture(device)
{
    /// <summary>Products in float32 are good to 2e-6 of the largest element; thirty of them, orthogonalised, to ten times that.</summary>
    const double Float32 = 2e-5;

    /// <summary>Where a product takes long, one of each model and loss.</summary>
    static readonly string[] onOtherDevices =
        ["hessian.mlp.trained.ce_smoothing0.1", "hessian.mlp_gelu.init.ce", "hessian.conv.trained.bce_sum_mean"];

    static IEnumerable<TestFixtureData> Cases() => TestDevices.Names().SelectMany(static _ => ReferenceHessian.All,
            static (device, reference) => (Device: device, Reference: reference))
        .Where(static c => c.Device == "cpu" || onOtherDevices.Contains(c.Reference.Id))
        .Select(static c => new TestFixtureData(c.Device, c.Reference).SetArgDisplayNames(c.Device, c.Reference.Id));

    [Test]
    public void LanczosFindsBothEnds()
    {
        using var run = reference.Load(DType.Float32, blockSize: 2, batchSize: 17);
        using var space = new VectorSpace(run.Layout);
        int count = Device == Device.Cpu ? 5 : 1;
        var search = new BlockLanczos(run.Hessian, space, new(count, EigenvaluesWanted.Both, 1e-4, 200, 2, 40, 7)).Run();
        double top = reference.Number("top_eigenvalue");
        double[] values = [.. search.Estimates.Select(static e => e.Value)];
        Assert.Multiple(() =>
        {
            Assert.That(search.IsComplete, $"after {search.Iterations} passes");
            Assert.That(values[..count], Is.EqualTo(reference.Numbers("top5")[..count]).Within(Float32 * top));
            Assert.That(values[count..][..Math.Min(count, 3)],
                Is.EqualTo(reference.Numbers("lowest3")[..Math.Min(count, 3)]).Within(Float32 * top));
        });
    }

    /// <summary>The value and its vector, and the stopping rule of validate, whose value is within 1e-3 where the second eigenvalue is not
    /// nearly as large.</summary>
    [Test]
    public void PowerIterationFindsTheDominantOne()
    {
        using var run = reference.Load(DType.Float32);
        using var space = new VectorSpace(run.Layout);
        double exact = reference.Number("dominant_by_magnitude");
        var search = new PowerIteration(run.Hessian, space, new(1, 1e-4, 100, 42)).Run();
        var found = search.Estimates[0];
        Assert.Multiple(() =>
        {
            Assert.That(search.IsComplete);
            Assert.That(found.Value, Is.EqualTo(exact).Within(1e-3 * exact));
            Assert.That(Math.Abs(found.Value - exact), Is.LessThanOrEqualTo(found.Residual + (Float32 * exact)));
        });
    }
}

/// <summary>Its trace and the density of its eigenvalues.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ReferenceTraceTests(string device) : DeviceFixture(device)
{
    [Test]
    public void TraceAndDensityAreTheReferences()
    {
        var reference = ReferenceHessian.All.Single(static c => c.Id == "hessian.mlp.trained.ce");
        using var run = reference.Load(DType.Float32, blockSize: 4);
        using var space = new VectorSpace(run.Layout);
        double trace = reference.Number("trace"), frobenius = reference.Number("frobenius");
        int probes = Device == Device.Cpu ? 400 : 8;
        var estimate = new HutchinsonTrace(run.Hessian, space, 7);
        estimate.Run(probes, 0);
        var quadrature = new LanczosQuadrature(run.Hessian, space, 7);
        quadrature.Run(Device == Device.Cpu ? 40 : 2, Device == Device.Cpu ? 30 : 4);
        var mean = MeanEstimate.Of(
            [.. quadrature.Rules.Select(r => space.Dimension * r.Nodes.Zip(r.Weights, static (t, w) => t * w).Sum())]);
        Assert.Multiple(() =>
        {
            // Four standard errors, by the formula: the off-diagonal elements have no more than the whole.
            double error = Math.Sqrt(2.0 / probes) * frobenius;
            Assert.That(estimate.Trace.Value, Is.EqualTo(trace).Within(4 * error));
            Assert.That(estimate.Trace.StandardError, Is.LessThan(1.5 * error));
            Assert.That(mean.Value, Is.EqualTo(trace).Within(4 * Math.Sqrt(2.0 / mean.Samples) * frobenius));
            Assert.That(estimate.Parameters.Select(static p => p.Parameter),
                Is.EqualTo(new[] { "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias" }));
            if (Device == Device.Cpu)
                Assert.That(quadrature.Rules.Max(static r => r.Nodes[^1]), Is.EqualTo(reference.Number("top_eigenvalue")).Within(1e-3));
        });
    }
}
