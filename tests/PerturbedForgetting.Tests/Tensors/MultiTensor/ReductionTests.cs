using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ReductionTests(string device) : DeviceFixture(device)
{
    Tensor Numbers(int count) => Persistent([count], DType.Float64).Fill(-1);

    static double Weigh(double x, double w, Weighting weighting) => weighting switch
    {
        Weighting.None => x,
        Weighting.Magnitude => x * Math.Abs(w),
        _ => x * w * w,
    };

    [Test]
    public void SquaredNormAndProductsEqualPlainSums([Values] Weighting weighting, [Values(-1, 0, 3, 7)] int frozen)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 10 + frozen, frozen: frozen);
            var (x, z) = (model.NewBuffer(), model.NewBuffer(3));
            using var norm = Numbers(1);
            using var products = Numbers(3);
            MultiTensorOps.SquaredNorm(model.Layout, z, weighting, norm);
            MultiTensorOps.Products(model.Layout, x, z, weighting, products);

            var trained = model.Map().Trained;
            var (xs, zs, ws) = (ArenaModel.Read(x), ArenaModel.Read(z), ArenaModel.Read(model.Arena.Weights));
            double xx = 0, xz = 0, zz = 0, xzMagnitude = 0;
            for (int i = 0; i < xs.Length; i++)
            {
                if (!trained[i])
                    continue;
                double v = Weigh(zs[i], ws[i], weighting);
                xx += xs[i] * xs[i];
                xz += xs[i] * v;
                xzMagnitude += Math.Abs(xs[i] * v);
                zz += v * v;
            }
            // The weighting is rounded to the elements' type; the sums are not.
            double tolerance = type == DType.Float32 ? 1e-7 : 1e-13;
            Assert.That(norm.Item(), Is.EqualTo(zz).Within(tolerance * zz));
            double[] p = products.ToArray<double>();
            Assert.That(p[0], Is.EqualTo(xx).Within(1e-13 * xx));
            Assert.That(p[1], Is.EqualTo(xz).Within(tolerance * xzMagnitude));
            Assert.That(p[2], Is.EqualTo(norm.Item()));
        }
    }

    [TestCase(1)]
    [TestCase(31)]
    [TestCase(33)]
    [TestCase(1025)]
    [TestCase(32767)]
    [TestCase(32769)]
    public void OneParameterOfAnySize(int size)
    {
        using var model = new ArenaModel(DType.Float32, size, [size], frozen: -1);
        var x = model.NewBuffer();
        using var norm = Numbers(1);
        MultiTensorOps.SquaredNorm(model.Layout, x, Weighting.None, norm);
        double expected = ArenaModel.Read(x).Sum(static v => v * v);
        Assert.That(norm.Item(), Is.EqualTo(expected).Within(1e-13 * expected).And.GreaterThan(0));
    }

    [TestCase(0.4, false, 1)]
    [TestCase(0.4, true, -1)]
    [TestCase(1.5, true, 1)]
    public void OrthogonalCombinationEqualsItsDefinition(double alpha, bool normalized, int sign)
    {
        using var model = new ArenaModel(TestDevices.FloatTypes[^1], 8);
        var (g, d, y) = (model.NewBuffer(), model.NewBuffer(), model.Arena.NewBuffer());
        using var products = Numbers(3);
        using var norm = Numbers(1);
        using var coefficients = Numbers(2);
        using var combined = Numbers(1);
        MultiTensorOps.SquaredNorm(model.Layout, d, Weighting.Magnitude, norm);
        MultiTensorOps.Products(model.Layout, g, d, Weighting.SquaredMagnitude, products);
        MultiTensorOps.OrthogonalCoefficients(products, norm, sign, alpha, normalized, coefficients, combined);
        MultiTensorOps.Combine(model.Layout, new(g, d, Weighting.SquaredMagnitude, coefficients), 1, accumulate: false, y);

        var trained = model.Map().Trained;
        var (gs, ds, ws) = (ArenaModel.Read(g), ArenaModel.Read(d), ArenaModel.Read(model.Arena.Weights));
        double directionNorm = Math.Sqrt(Sum(i => Math.Pow(ds[i] * ws[i], 2)));
        double[] o = [.. ds.Select((v, i) => sign * v * ws[i] * ws[i] / (normalized ? directionNorm + 1e-12 : 1))];
        double gradientNorm = Math.Sqrt(Sum(i => gs[i] * gs[i])) + 1e-12;
        double along = Sum(i => o[i] * gs[i] / gradientNorm);
        double[] actual = ArenaModel.Read(y);
        double[] expected = [.. gs.Select((v, i) => trained[i] ? v + (alpha * (o[i] - (along * v / gradientNorm))) : 0)];
        // In float32 the weighted direction, its product and the sum are rounded; coefficients and norms are float64.
        bool isExact = TestDevices.FloatTypes[^1] == DType.Float64;
        Assert.That(Deviation.Max(actual, expected), Is.LessThanOrEqualTo(isExact ? 1e-13 : 2e-7));
        double squared = Sum(i => expected[i] * expected[i]);
        Assert.That(combined.Item(), Is.EqualTo(squared).Within((isExact ? 1e-12 : 1e-7) * squared));

        double Sum(Func<int, double> term) => Enumerable.Range(0, gs.Length).Where(i => trained[i]).Sum(term);
    }

    [Test]
    public void AnyNumberThatIsNotFiniteStopsAnUpdate([Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad,
        [Values(0, 1, 100, 40_000)] int at)
    {
        using var model = new ArenaModel(DType.Float32, 1, [70_001], frozen: -1);
        var g = model.NewBuffer();
        float[] values = g.ToArray<float>();
        values[at] = bad;
        g.CopyFrom((ReadOnlySpan<float>)values);
        using var norm = Numbers(1);
        using var flag = Numbers(1).Fill(1);
        using var control = new UpdateControl(Device);
        MultiTensorOps.SquaredNorm(model.Layout, g, Weighting.None, norm);
        using var radius = Numbers(1).Fill(0.1);
        MultiTensorOps.StepAlong(model.Layout, g, Weighting.None, norm, radius, 1, model.Arena.NewBuffer(), flag);
        Assert.That(flag.Item(), Is.Zero);
        MultiTensorOps.BeginUpdate(norm, flag, 1, control);
        Assert.That((control.Proceed.Item(), control.Skipped.Item(), control.Steps.Item()), Is.EqualTo((0.0, 1.0, 0.0)));
    }
}
