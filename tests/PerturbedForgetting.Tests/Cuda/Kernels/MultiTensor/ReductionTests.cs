using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
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
        DeviceBuffer<float> gradient = Copy(x), weights = Copy(Model.Arena.Weights);
        double[] actual = Twice(() => SquaredNormOf(gradient, weights, weighting));
        // Products of float32 are exact in float64.
        AssertClose(actual, result.ToArray<double>(), relative: 1e-14);
    }

    double[] SquaredNormOf(DeviceBuffer<float> x, DeviceBuffer<float> weights, Weighting weighting)
    {
        DeviceBuffer<double> norm = Poisoned<double>(1), partials = Poisoned<double>(3 * Tiles.TileCount);
        new SquaredNorm(Library).Launch(Stream, Tiles, norm, partials, x, weights, weighting);
        return Download(norm);
    }

    [Test]
    public void ProductsEqualCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] Weighting weighting)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(3), result = Numbers(-1, -1, -1);
        MultiTensorOps.Products(Model.Layout, x, z, weighting, result);
        DeviceBuffer<float> gradient = Copy(x), direction = Copy(z), weights = Copy(Model.Arena.Weights);
        double[] actual = Twice(() => ProductsOf(gradient, direction, weights, weighting)), expected = result.ToArray<double>();
        AssertClose(actual.AsSpan(0, 1), expected.AsSpan(0, 1), relative: 1e-14);
        AssertClose(actual.AsSpan(2), expected.AsSpan(2), relative: 1e-14);
        // Terms of either sign: the error is relative to the product of the norms.
        Assert.That(actual[1], Is.EqualTo(expected[1]).Within(1e-14 * Math.Sqrt(expected[0] * expected[2])));
    }

    double[] ProductsOf(DeviceBuffer<float> x, DeviceBuffer<float> z, DeviceBuffer<float> weights, Weighting weighting)
    {
        DeviceBuffer<double> products = Poisoned<double>(3), partials = Poisoned<double>(3 * Tiles.TileCount);
        new Products(Library).Launch(Stream, Tiles, products, partials, x, z, weights, weighting);
        return Download(products);
    }

    [Test]
    public void NoParameterIsReadTwice([Values(1, 3)] int tiles, [Values] Weighting weighting)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        DeviceBuffer<float> x = Copy(Model.NewBuffer()), weights = Copy(Model.Arena.Weights);
        long count = x.Count, weighted = weighting == Weighting.None ? 0 : 4;
        SquaredNormOf(x, weights, weighting);
        AssertTraffic("squared_norm", loaded: ((4 + weighted) * count) + (tiles * Warps * TileBytes) + (8 * tiles), stored: (8 * tiles) + 8);
        ProductsOf(x, x, weights, weighting);
        AssertTraffic("products", loaded: ((8 + weighted) * count) + (tiles * Warps * TileBytes) + (SumBytes * tiles), stored: (SumBytes * tiles) + SumBytes);
        Assert.That(CountersOf("squared_norm")?.BankConflicts ?? 0, Is.Zero);
        Assert.That(CountersOf("products")?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void ANumberThatIsNotFiniteIsFound([Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float bad, [Values(0, 1, 37, 40_000, 70_000)] int at)
    {
        Make([70_001]);
        float[] values = Model.NewBuffer().ToArray<float>();
        DeviceBuffer<float> good = Upload<float>(values);
        values[at] = bad;
        DeviceBuffer<float> x = Upload<float>(values);
        DeviceBuffer<double> norm = Poisoned<double>(1), partials = Poisoned<double>(3 * Tiles.TileCount);
        Assert.That(FlagBehind(good), Is.EqualTo(new[] { 1.0 }));
        Assert.That(FlagBehind(x), Is.EqualTo(new[] { 0.0 }));
        Assert.That(Download(norm)[0], float.IsNaN(bad) ? Is.NaN : Is.EqualTo(double.PositiveInfinity));

        double[] FlagBehind(DeviceBuffer<float> gradient)
        {
            DeviceBuffer<double> flag = Upload(1.0);
            new SquaredNorm(Library).Launch(Stream, Tiles, norm, partials, gradient, gradient, Weighting.None);
            new StepAlong(Library).Launch(Stream, Tiles, Poisoned<float>(values.Length), gradient, gradient, Weighting.None, norm, Upload(0.1), 1, flag);
            return Download(flag);
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
        DeviceBuffer<float> x = Upload<float>(values);
        AssertClose(SquaredNormOf(x, x, Weighting.None), [expected], relative: 1e-14);
        AssertClose(ProductsOf(x, x, x, Weighting.None), [expected, expected, expected], relative: 1e-14);
    }
}
