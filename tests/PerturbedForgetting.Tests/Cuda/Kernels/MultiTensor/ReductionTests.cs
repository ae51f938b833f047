using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

[TestFixtureSource(typeof(KernelDevices))]
sealed class ReductionTests(string device) : MultiTensorFixture(device)
{
    // Offset and length with the flag of a tile.
    const long TileBytes = 16, SumBytes = 24;

    [Test]
    public void SquaredNormEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] Weighting weighting)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), result = Numbers(-1);
        MultiTensorOps.SquaredNorm(Model.Layout, x, weighting, result);
        Tensor gradient = Copy(x);
        double[] actual = Twice(() => SquaredNormOf(gradient, weighting));
        // Products of float32 are exact in float64.
        AssertClose(actual, result.ToArray<double>(), relative: 1e-14);
    }

    double[] SquaredNormOf(Tensor x, Weighting weighting)
    {
        Tensor norm = Output(DType.Float64, 1);
        Backend.SquaredNorm(Layout, x, weighting, Weights, norm);
        return norm.ToArray<double>();
    }

    [Test]
    public void ProductsEqualCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] Weighting weighting)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(3), result = Numbers(-1, -1, -1);
        MultiTensorOps.Products(Model.Layout, x, z, weighting, result);
        Tensor gradient = Copy(x), direction = Copy(z);
        double[] actual = Twice(() => ProductsOf(gradient, direction, weighting)), expected = result.ToArray<double>();
        AssertClose(actual.AsSpan(0, 1), expected.AsSpan(0, 1), relative: 1e-14);
        AssertClose(actual.AsSpan(2), expected.AsSpan(2), relative: 1e-14);
        // Terms of either sign: the error is relative to the product of the norms.
        Assert.That(actual[1], Is.EqualTo(expected[1]).Within(1e-14 * Math.Sqrt(expected[0] * expected[2])));
    }

    double[] ProductsOf(Tensor x, Tensor z, Weighting weighting)
    {
        Tensor products = Output(DType.Float64, 3);
        Backend.Products(Layout, x, z, weighting, Weights, products);
        return products.ToArray<double>();
    }

    [Test]
    public void NoParameterIsReadTwice([Values(1, 3)] int tiles, [Values] Weighting weighting)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        Tensor x = Copy(Model.NewBuffer());
        long count = x.Count, weighted = weighting == Weighting.None ? 0 : 4;
        SquaredNormOf(x, weighting);
        AssertTraffic("squared_norm", loaded: ((4 + weighted) * count) + (tiles * Warps * TileBytes) + (8 * tiles),
            stored: (8 * tiles) + 8);
        ProductsOf(x, x, weighting);
        AssertTraffic("products", loaded: ((8 + weighted) * count) + (tiles * Warps * TileBytes) + (SumBytes * tiles),
            stored: (SumBytes * tiles) + SumBytes);
        Assert.That(CountersOf("squared_norm")?.BankConflicts ?? 0, Is.Zero);
        Assert.That(CountersOf("products")?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void ANumberThatIsNotFiniteIsFound([Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad,
        [Values(0, 1, 37, 40_000, 70_000)] int at)
    {
        Make([70_001]);
        float[] values = Model.NewBuffer().ToArray<float>();
        Tensor good = Input(values), norm = Output(DType.Float64, 1);
        values[at] = bad;
        Assert.That(FlagBehind(good), Is.EqualTo(new[] { 1.0 }));
        Assert.That(FlagBehind(Input(values)), Is.EqualTo(new[] { 0.0 }));
        Assert.That(norm.ToArray<double>()[0], float.IsNaN(bad) ? Is.NaN : Is.EqualTo(double.PositiveInfinity));

        double[] FlagBehind(Tensor gradient)
        {
            Tensor flag = OnDevice(1);
            Backend.SquaredNorm(Layout, gradient, Weighting.None, gradient, norm);
            Backend.StepAlong(Layout, gradient, gradient, Weighting.None, norm, OnDevice(0.1), 1, flag, Output(values.Length));
            return flag.ToArray<double>();
        }
    }

    [Test]
    public void AFrozenParameterCountsNowhere()
    {
        Make([40, 5000], frozen: 1);
        float[] values = Model.NewBuffer().ToArray<float>();
        double expected = values.Take(40).Sum(static v => (double)v * v);
        // Its gradient may hold anything.
        values.AsSpan(48).Fill(float.NaN);
        Tensor x = Input(values);
        AssertClose(SquaredNormOf(x, Weighting.None), [expected], relative: 1e-14);
        AssertClose(ProductsOf(x, x, Weighting.None), [expected, expected, expected], relative: 1e-14);
    }
}
